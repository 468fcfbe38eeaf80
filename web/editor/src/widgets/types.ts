/** What every widget is given. */

import type { InputDef } from "../model/nodes";
import type { Json, NodeId } from "../model/types";
import type { Role } from "../model/widgets";

export interface WidgetProps {
  readonly def: InputDef;
  readonly name: string;
  readonly value: Json | undefined;
  /** All changes with one gesture id are one undo entry. */
  readonly onChange: (value: Json, gesture?: string) => void;
  readonly problem?: string;
  readonly disabled?: boolean;
  readonly nodeId: NodeId;
  /** Whose value it is; absent: the node's own ("value"). A seed mode is "control", its filter "filter". */
  readonly role?: Role;
  /** What it is called on screen; absent: by its definition. */
  readonly label?: string;
}

/** What a component for one kind of widget is given besides: the ids of its label, and of what describes it. */
export interface ControlProps extends Omit<WidgetProps, "label"> {
  readonly id: string;
  readonly label: string;
  readonly describedBy?: string;
}
