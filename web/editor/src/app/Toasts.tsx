import { t } from "../i18n";
import { IconButton } from "./IconButton";
import { Icon } from "./icons";
import { useStore } from "./store";
import { dismiss, toasts } from "./toasts";

const ICONS = { info: "help", ok: "check", error: "alert" } as const;

export function Toasts() {
  const shown = useStore(toasts, (all) => all);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, kind, text, action }) => (
        <div key={id} className={`toast toast-${kind}`}>
          <Icon name={ICONS[kind]} />
          <span className="toast-text">{text}</span>
          {action && (
            <button
              type="button"
              className="button"
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <IconButton icon="close" label={t("app.close")} onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
