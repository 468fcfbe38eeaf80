/** Problems of a graph. In English the server's own words are shown, which say more. */

import type { Part } from ".";

export const run = {
  "problem.invalid_input_type": ["{input} is {value}, which is no {type}", "{input} 的值 {value} 不是 {type} 类型"],
  "problem.required_input_missing": [
    "{input} is missing; link an output of type {type}",
    "缺少 {input}；请连接一个 {type} 类型的输出",
  ],
  "problem.return_type_mismatch": [
    "{input} takes {type}, and the linked output is {got}",
    "{input} 需要 {type}，而所连接的输出是 {got}",
  ],
  "problem.value_bigger_than_max": ["{input} is {value}; the most is {max}", "{input} 为 {value}，最大值为 {max}"],
  "problem.value_not_in_list": ["{input} is {value}, which is not in its list", "{input} 为 {value}，不在可选项中"],
  "problem.value_smaller_than_min": ["{input} is {value}; the least is {min}", "{input} 为 {value}，最小值为 {min}"],
} as const satisfies Part;
