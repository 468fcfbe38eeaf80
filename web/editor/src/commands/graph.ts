/** The commands that change the graph. Where the standard's editor has keys for the same, these are its keys. */

import { align, distribute, type Edge } from "../edit/arrange";
import { addReroute, removeBend } from "../edit/bends";
import { duplicate } from "../edit/clipboard";
import { addGroup, addGroupAt, fitGroup, removeGroups, setGroup } from "../edit/groups";
import { layOut } from "../edit/layout";
import { disconnect } from "../edit/links";
import { addNode, dissolve, removeNodes, setColor, toFront, toggleFlag, toggleMode } from "../edit/nodes";
import { after, graphOf, sequence } from "../edit/place";
import { makeSubgraph } from "../edit/subgraphs";
import { canUnpack, unpack } from "../edit/unpack";
import type { Key } from "../i18n";
import { t } from "../i18n";
import { MARKDOWN, NOTE } from "../model/nodes";
import { BYPASSED, MUTED, type Flags, type Node } from "../model/types";
import type { GraphCommand, Here } from "./types";

const OFFSET = 40;

const some = ({ nodes }: Here) => nodes.length > 0;
const several =
  (count: number) =>
  ({ nodes }: Here) =>
    nodes.length >= count;
const always = () => true;

function selected({ at, nodes }: Here): Node[] {
  return nodes.flatMap((id) => graphOf(at).nodes.get(id) ?? []);
}

const every = (test: (node: Node) => boolean) => (here: Here) => some(here) && selected(here).every(test);

function flag(id: string, label: Key, name: keyof Flags, keys: string): GraphCommand {
  return {
    id,
    label,
    keys: [keys],
    section: "node",
    menus: ["nodes"],
    when: some,
    checked: every((node) => node.flags[name] === true),
    run: ({ at, nodes }) => toggleFlag(at, nodes, name),
  };
}

function mode(id: string, label: Key, value: typeof MUTED | typeof BYPASSED, keys: readonly string[]): GraphCommand {
  return {
    id,
    label,
    keys,
    section: "node",
    menus: ["nodes"],
    when: some,
    checked: every((node) => node.mode === value),
    run: ({ at, nodes }) => toggleMode(at, nodes, value),
  };
}

function aligned(edge: Edge, label: Key): GraphCommand {
  return {
    id: `align.${edge}`,
    label,
    section: "arrange",
    menus: ["nodes"],
    when: several(2),
    run: ({ at, nodes, sizes }) => align(at, nodes, edge, sizes),
  };
}

function distributed(axis: 0 | 1, id: string, label: Key): GraphCommand {
  return {
    id,
    label,
    section: "arrange",
    menus: ["nodes"],
    when: several(3),
    run: ({ at, nodes, sizes }) => distribute(at, nodes, axis, sizes),
  };
}

function note(id: string, label: Key, type: string): GraphCommand {
  const run = ({ at, pointer }: Here) => addNode(at, type, pointer);
  return { id, label, section: "node", menus: ["canvas"], when: always, run };
}

export const GRAPH_COMMANDS: readonly GraphCommand[] = [
  {
    id: "delete",
    label: "commands.delete",
    keys: ["Delete", "Backspace"],
    section: "edit",
    menus: ["nodes", "group", "link", "bend"],
    when: ({ nodes, groups, links, bends }) => nodes.length + groups.length + links.length + bends.length > 0,
    run: ({ at, nodes, groups, links, bends }) =>
      sequence(
        at,
        (here) => disconnect(here, links),
        (here) => bends.reduce((doc, id) => removeBend(after(here, doc), id), here.doc),
        (here) => removeGroups(here, groups),
        (here) => removeNodes(here, nodes),
      ),
  },
  {
    id: "dissolve",
    label: "commands.dissolve",
    keys: ["Mod+Delete", "Mod+Backspace"],
    section: "edit",
    menus: ["nodes"],
    when: some,
    run: ({ at, nodes }) => dissolve(at, nodes),
  },
  {
    id: "duplicate",
    label: "commands.duplicate",
    keys: ["Mod+D"],
    section: "edit",
    menus: ["nodes", "group"],
    when: ({ nodes, groups }) => nodes.length + groups.length > 0,
    run: ({ at, nodes, groups }) => duplicate(at, { nodes, groups }, [OFFSET, OFFSET]),
  },
  mode("mute", "commands.mute", MUTED, ["Mod+M"]),
  mode("bypass", "commands.bypass", BYPASSED, ["Mod+B"]),
  flag("collapse", "commands.collapse", "collapsed", "Alt+C"),
  flag("pin", "commands.pin", "pinned", "P"),
  {
    id: "front",
    label: "commands.front",
    section: "look",
    menus: ["nodes"],
    when: some,
    run: ({ at, nodes }) => toFront(at, nodes),
  },
  {
    id: "plain",
    label: "commands.plain",
    section: "look",
    menus: ["nodes"],
    when: (here) => selected(here).some((node) => node.color || node.bgcolor),
    run: ({ at, nodes }) => setColor(at, nodes),
  },
  {
    id: "group",
    label: "commands.group",
    keys: ["Mod+G"],
    section: "group",
    menus: ["canvas", "nodes"],
    when: always,
    run: ({ at, nodes, sizes, pointer }) =>
      nodes.length
        ? addGroup(at, t("commands.groupName"), nodes, sizes)
        : addGroupAt(at, t("commands.groupName"), [...pointer, 400, 300]),
  },
  {
    id: "group.fit",
    label: "commands.fitGroup",
    section: "group",
    menus: ["group"],
    when: ({ groups }) => groups.length > 0,
    run: ({ at, groups, sizes }) => groups.reduce((doc, id) => fitGroup(after(at, doc), id, sizes), at.doc),
  },
  {
    id: "group.pin",
    label: "commands.pin",
    section: "group",
    menus: ["group"],
    when: ({ groups }) => groups.length > 0,
    checked: ({ at, groups }) => graphOf(at).groups.every((group) => !groups.includes(group.id) || group.pinned),
    run: (here) => pinGroups(here),
  },
  {
    id: "arrange",
    label: "commands.arrange",
    keys: ["Mod+L"],
    section: "arrange",
    menus: ["canvas", "nodes"],
    when: ({ at }) => graphOf(at).nodes.size > 1,
    run: ({ at, nodes, sizes }) => layOut(at, nodes.length > 1 ? nodes : undefined, sizes),
  },
  aligned("left", "commands.alignLeft"),
  aligned("center", "commands.alignCenter"),
  aligned("right", "commands.alignRight"),
  aligned("top", "commands.alignTop"),
  aligned("middle", "commands.alignMiddle"),
  aligned("bottom", "commands.alignBottom"),
  distributed(0, "distribute.across", "commands.distributeAcross"),
  distributed(1, "distribute.down", "commands.distributeDown"),
  {
    id: "subgraph",
    label: "commands.subgraph",
    keys: ["Mod+Shift+E"],
    section: "subgraph",
    menus: ["nodes"],
    when: some,
    run: ({ at, nodes, sizes }) => makeSubgraph(at, nodes, t("commands.subgraphName"), sizes),
  },
  {
    id: "unpack",
    label: "commands.unpack",
    section: "subgraph",
    menus: ["nodes"],
    when: ({ at, nodes }) => nodes.length === 1 && canUnpack(at, nodes[0]!),
    run: ({ at, nodes }) => unpack(at, nodes[0]!),
  },
  {
    id: "reroute",
    label: "commands.reroute",
    section: "link",
    menus: ["link"],
    when: ({ links }) => links.length === 1,
    run: ({ at, links, pointer }) => addReroute(at, links[0]!, pointer),
  },
  note("note", "commands.note", NOTE),
  note("markdown", "commands.markdown", MARKDOWN),
];

function pinGroups({ at, groups }: Here) {
  const chosen = graphOf(at).groups.filter((group) => groups.includes(group.id));
  const pinned = !chosen.every((group) => group.pinned);
  return chosen.reduce((doc, { id }) => setGroup(after(at, doc), id, { pinned }), at.doc);
}

export function graphCommand(id: string): GraphCommand {
  const found = GRAPH_COMMANDS.find((command) => command.id === id);
  if (!found) throw new Error(`there is no command ${id}`);
  return found;
}
