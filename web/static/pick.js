// Candidates of a form, what is known about the machine, and the questions that depend on other controls. Candidates are
// only suggestions: the typed value is used.

// enhance makes comboboxes of text boxes with candidates, and draws questions again when a control changes on
// which they depend.
export function enhance(form) {
  for (const control of form.querySelectorAll("[data-pick]")) pick(form, control);
  let last = Promise.resolve();
  form.addEventListener("change", ({ target }) => {
    for (const part of target.name ? form.querySelectorAll(`[data-follows~="${target.name}"]`) : []) {
      last = last.then(() => follow(form, part.id)).catch(() => {}); // what stays there can be typed
    }
  });
}

// known shows beside the form what is known about the chosen machine, and asks again when another one is chosen.
export function known(form) {
  const panel = document.getElementById("known");
  let asked;
  const ask = async () => {
    const data = new FormData(form);
    const given = ["SourceType", "Account", "Region", "InstanceId", "ContainerClusterId"].filter((name) => data.get(name));
    const address = `${panel.dataset.known}?${new URLSearchParams(given.map((name) => [name, data.get(name)]))}`;
    if (address === asked) return;
    asked = address;
    panel.setAttribute("aria-busy", "true");
    let fresh;
    try {
      const answer = given.length > 3 && (await fetch(address, { signal: AbortSignal.timeout(10000) }));
      if (answer.ok) fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("known");
    } catch {} // the check page says the same
    if (address !== asked) return;
    panel.replaceChildren(...(fresh?.children ?? []));
    panel.hidden = !panel.children.length;
    panel.removeAttribute("aria-busy");
    document.getElementById("known-said").textContent = fresh?.dataset.said ?? "";
  };
  form.addEventListener("change", ask);
  ask();
}

// follow replaces the part of the form with an id by what the server draws for the present values. If they change
// meanwhile, it asks again.
async function follow(form, id) {
  const data = new URLSearchParams(new FormData(form));
  const sent = String(data);
  data.set("op", "draw:" + id.slice("part-".length));
  const answer = await fetch("/backups/preview", { method: "POST", headers: { "X-Part": id }, body: data, signal: AbortSignal.timeout(10000) });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
  const old = document.getElementById(id);
  if (sent !== String(new URLSearchParams(new FormData(form)))) return follow(form, id);
  if (!answer.ok || !fresh || old.outerHTML === fresh.outerHTML) return;
  const focused = old.contains(document.activeElement);
  old.replaceWith(fresh);
  for (const control of fresh.querySelectorAll("[data-pick]")) pick(form, control);
  if (focused) fresh.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  form.dispatchEvent(new Event("input")); // stores what changed
}

// pick makes a text box a combobox (ARIA 1.2: list autocomplete with manual selection).
function pick(form, control) {
  const box = control.parentElement;
  const button = box.querySelector(".drop");
  const status = document.getElementById(control.id + "-note");
  const list = Object.assign(document.createElement("div"), { id: control.id + "-list", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", control.labels[0].textContent.trim());
  box.append(list);
  box.classList.add("on");
  button.hidden = false;
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]]) control.setAttribute(name, value);
  button.setAttribute("aria-controls", list.id);
  button.setAttribute("aria-expanded", "false");

  const value = (name) => new FormData(form).get(name) ?? "";
  let options = [], active = -1, shown = "", asking, timer;

  const isOpen = () => !list.hidden;
  const setOpen = (open) => {
    list.hidden = !open || !options.length;
    for (const e of [control, button]) e.setAttribute("aria-expanded", String(isOpen()));
    if (!isOpen()) activate(-1);
  };
  const activate = (n) => {
    options[active]?.setAttribute("aria-selected", "false");
    active = n;
    if (n < 0) return control.removeAttribute("aria-activedescendant");
    options[n].setAttribute("aria-selected", "true");
    options[n].scrollIntoView({ block: "nearest" });
    control.setAttribute("aria-activedescendant", options[n].id);
  };
  const take = (option) => {
    control.value = option.dataset.value;
    setOpen(false);
    status.textContent = option.querySelector("strong").textContent + " · " + option.dataset.value;
    control.dispatchEvent(new Event("change", { bubbles: true }));
  };

  // open shows the candidates for text; first says which option becomes active.
  const open = async (first) => {
    clearTimeout(timer);
    if (!value("Account") || !value("Region")) {
      status.textContent = status.dataset.wait;
      return setOpen(false);
    }
    const query = new URLSearchParams({ Account: value("Account"), Region: value("Region"), SourceType: value("SourceType"), Search: control.value.trim() });
    const address = `/options/${control.dataset.pick}?${query}`;
    if (address !== shown) {
      asking?.abort();
      const own = (asking = new AbortController());
      shown = ""; // a return to the earlier text asks again, and so ends this request
      status.textContent = status.dataset.loading;
      try {
        const answer = await fetch(address, { signal: AbortSignal.any([own.signal, AbortSignal.timeout(10000)]) });
        const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("options");
        if (!answer.ok || !found) throw answer;
        if (own.signal.aborted) return;
        activate(-1);
        list.replaceChildren(...found.children);
        options = [...list.children];
        options.forEach((o, n) => (o.id = `${control.id}-o${n}`));
        status.textContent = found.dataset.status;
        shown = options.length ? address : "";
      } catch {
        if (own.signal.aborted) return;
        options = [];
        status.textContent = status.dataset.away;
      }
    }
    if (document.activeElement !== control) return;
    setOpen(true);
    if (isOpen() && first !== undefined) activate(first < 0 ? options.length - 1 : first);
  };

  control.addEventListener("keydown", (event) => {
    const { key, altKey } = event;
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      const step = key === "ArrowDown" ? 1 : -1;
      if (altKey) return isOpen() ? step < 0 && setOpen(false) : step > 0 && open();
      if (!isOpen()) return open(step > 0 ? 0 : -1);
      const last = options.length - 1;
      activate(step > 0 ? (active === last ? 0 : active + 1) : active <= 0 ? last : active - 1);
    } else if (key === "Enter" && isOpen() && active >= 0) {
      event.preventDefault();
      take(options[active]);
    } else if (key === "Escape") {
      event.preventDefault();
      if (isOpen()) return setOpen(false);
      control.value = "";
      status.textContent = "";
    } else if (key === "Tab") setOpen(false);
    else if (["Home", "End", "ArrowLeft", "ArrowRight"].includes(key)) activate(-1);
  });
  control.addEventListener("input", () => {
    activate(-1);
    clearTimeout(timer);
    timer = setTimeout(open, 150);
  });
  control.addEventListener("focus", () => open());
  control.addEventListener("blur", () => setOpen(false));
  list.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the focus in the text box
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", () => {
    if (isOpen()) return setOpen(false);
    if (document.activeElement === control) return open();
    control.focus();
  });
  if (document.activeElement === control) open();
}
