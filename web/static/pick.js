// Candidates and regions of a form. Candidates are only suggestions: the typed value is used.

// enhance makes comboboxes of text boxes with candidates, and offers only the regions of the account.
export function enhance(form) {
  for (const control of form.querySelectorAll("[data-pick]")) pick(form, control);
  const regions = form.querySelector("select[name=Region]");
  const groups = [...(regions?.querySelectorAll("optgroup") ?? [])];
  const follow = () => {
    const account = new FormData(form).get("Account");
    const own = groups.find((g) => g.dataset.account === account);
    if (!own) return;
    const { value } = regions;
    groups.forEach((g) => g.remove());
    regions.append(own);
    const options = [...own.children];
    (options.find((o) => o.value === value) ?? (options.length === 1 ? options[0] : regions.options[0])).selected = true;
  };
  follow();
  form.addEventListener("change", (event) => {
    if (event.target.name !== "Account" || !groups.length) return;
    follow();
    regions.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// pick makes a text box a combobox (ARIA 1.2: list autocomplete with manual selection).
function pick(form, control) {
  if (control.dataset.pick === "disks") return offerDisks(form, control);
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
        shown = "";
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

// offerDisks shows the disks of the chosen instance, each with a button that adds its id.
function offerDisks(form, control) {
  const place = document.getElementById(control.id + "-list");
  const note = document.getElementById(control.id + "-note");
  const value = (name) => new FormData(form).get(name) ?? "";
  let asked;

  const show = (items) => {
    place.replaceChildren(...items.map((t) => {
      const label = [t.Id, t.Name, ...Object.values(t.Attributes ?? {})].filter(Boolean).join(" · ");
      const add = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: "+ " + label });
      add.onclick = () => {
        const lines = control.value.split("\n").filter(Boolean);
        if (!lines.includes(t.Id)) control.value = [...lines, t.Id].join("\n");
        control.focus();
      };
      return add;
    }));
    place.hidden = !items.length;
  };

  const ask = async () => {
    const query = new URLSearchParams({ Region: value("Region"), SourceType: value("SourceType"), InstanceId: value("InstanceId").trim() });
    if (!value("Account") || !query.get("Region") || !query.get("InstanceId")) return show([]);
    const address = `/api/v1/accounts/${encodeURIComponent(value("Account"))}/disks?${query}`;
    if (address === asked) return;
    asked = address;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw answer;
      const { Items } = await answer.json();
      if (address !== asked) return; // the input has changed meanwhile
      show(Items);
      note.textContent = note.dataset.none;
      note.hidden = Items.length > 0;
    } catch (failure) {
      if (address !== asked) return;
      asked = "";
      show([]);
      const problem = failure instanceof Response ? await failure.json().catch(() => ({})) : {};
      if (asked !== "") return; // the input has changed meanwhile
      note.textContent = problem.cloud ? problem.detail : note.dataset.away; // the detail has the cloud's sentence
      note.hidden = false;
    }
  };

  control.addEventListener("focus", ask);
  if (document.activeElement === control) ask();
}
