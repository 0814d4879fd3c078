// Erasing asks first.
import { byID } from "./dom.js";
import { erase, page } from "./api.js";

export function connectErase(changed, failed) {
  const dialog = byID("confirm");
  byID("erase").disabled = page.locked !== "";
  if (page.locked) byID("erase").title = page.locked;
  byID("erase").addEventListener("click", () => dialog.showModal());
  byID("confirm-no").addEventListener("click", () => dialog.close());
  byID("confirm-yes").addEventListener("click", async () => {
    byID("confirm-yes").disabled = true;
    try {
      const done = await erase();
      changed(done.note ?? "Everything was erased.");
    } catch (error) { failed(error); }
    byID("confirm-yes").disabled = false;
    dialog.close();
  });
}
