// The list of keys.

import { t } from "../language/index.ts";
import type { Key } from "../language/en.ts";
import { VIEW_KEYS, overlay } from "../shortcuts.ts";
import { Icon } from "../parts/icon.tsx";
import { Modal } from "../parts/modal.tsx";

const ANYWHERE: [string[], Key][] = [
  [["q"], "key_add"], [["/"], "key_search"], [["c"], "key_chat"], [["Ctrl", "K"], "key_palette"], [["z"], "key_undo"], [["?"], "key_help"], [["Esc"], "key_close"],
];
const IN_LIST: [string[], Key][] = [
  [["j"], "key_next"], [["k"], "key_previous"], [["x"], "key_complete"], [["Enter"], "key_open"], [["Delete"], "key_delete"],
];

export function Help() {
  const close = () => (overlay.value = null);
  return (
    <Modal label={t("shortcuts")} class="help" onClose={close}>
      <div class="detail-bar">
        <h2>{t("shortcuts")}</h2>
        <button type="button" class="plain" aria-label={t("close")} onClick={close}><Icon name="close" /></button>
      </div>
      <div class="help-columns">
        <section>
          <h3>{t("anywhere")}</h3>
          <dl>
            {ANYWHERE.map(([keys, name]) => <Line key={name} keys={keys} name={t(name)} />)}
            {VIEW_KEYS.map(([key, view]) => <Line key={view} keys={["g", key]} name={t("goTo", { view: t(view) })} />)}
          </dl>
        </section>
        <section>
          <h3>{t("inList")}</h3>
          <dl>{IN_LIST.map(([keys, name]) => <Line key={name} keys={keys} name={t(name)} />)}</dl>
        </section>
      </div>
    </Modal>
  );
}

function Line({ keys, name }: { keys: string[]; name: string }) {
  return (
    <div class="key-line">
      <dt>{name}</dt>
      <dd dir="ltr">{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dd>
    </div>
  );
}
