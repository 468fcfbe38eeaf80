/** Texts of the commands that change the graph. */

import type { Part } from ".";

export const commands = {
  alignBottom: ["Align bottom edges", "底部对齐"],
  alignCenter: ["Align centres", "水平居中对齐"],
  alignLeft: ["Align left edges", "左对齐"],
  alignMiddle: ["Align middles", "垂直居中对齐"],
  alignRight: ["Align right edges", "右对齐"],
  alignTop: ["Align top edges", "顶部对齐"],
  arrange: ["Arrange automatically", "自动布局"],
  bypass: ["Bypass", "绕过"],
  collapse: ["Collapse", "折叠"],
  delete: ["Delete", "删除"],
  dissolve: ["Delete and reconnect", "删除并重新连接"],
  distributeAcross: ["Distribute across", "水平分布"],
  distributeDown: ["Distribute down", "垂直分布"],
  duplicate: ["Duplicate with links", "连同连线复制"],
  fitGroup: ["Fit to contents", "适应内容"],
  front: ["Bring to front", "置于顶层"],
  group: ["Group", "编组"],
  groupName: ["Group", "组"],
  markdown: ["Add Markdown note", "添加 Markdown 便签"],
  mute: ["Mute", "禁用"],
  note: ["Add note", "添加便签"],
  pin: ["Pin", "固定"],
  plain: ["No colour", "清除颜色"],
  reroute: ["Add reroute", "添加转接点"],
  subgraph: ["Make subgraph", "转换为子图"],
  subgraphName: ["New subgraph", "新子图"],
  unpack: ["Unpack subgraph", "展开子图"],
} as const satisfies Part;
