/** Says that the server cannot be reached, as long as it cannot. */

import { t } from "../i18n";
import { run } from "../run/run";
import { reconnect } from "./start";
import { useStore } from "./store";

export function Banner() {
  const lost = useStore(run, (state) => state.connection === "lost");
  if (!lost) return null;
  return (
    <div className="banner" role="alert">
      <span>{t("app.lost")}</span>
      <button type="button" className="button" onClick={reconnect}>
        {t("app.reconnect")}
      </button>
    </div>
  );
}
