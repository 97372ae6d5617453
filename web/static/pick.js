// Requests candidates while an ID is typed. They are only suggestions: the typed value is
// used.
export function pick(form, control) {
  const kind = control.dataset.pick;
  const place = document.getElementById(control.id + "-list");
  const note = document.getElementById(control.id + "-note");
  const value = (name) => form.elements[name]?.value ?? "";
  let asked, timer;

  const show = (items) => {
    const label = (t) => [t.Name, ...Object.values(t.Attributes ?? {})].filter(Boolean).join(" · ");
    if (place.localName === "datalist") {
      place.replaceChildren(...items.map((t) => Object.assign(new Option(label(t), t.Id), { label: label(t) })));
      return;
    }
    place.replaceChildren(...items.map((t) => {
      const add = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: "+ " + t.Id + " · " + label(t) });
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
    const query = new URLSearchParams({ Region: value("Region"), SourceType: value("SourceType") });
    if (kind === "disks") query.set("InstanceId", value("InstanceId").trim());
    else query.set("Search", control.value.trim());
    if (!value("Account") || !query.get("Region") || query.get("InstanceId") === "") return show([]);
    const address = `/api/v1/accounts/${encodeURIComponent(value("Account"))}/${kind}?${query}`;
    if (address === asked) return;
    asked = address;
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw answer;
      const { Items, Next } = await answer.json();
      if (address !== asked) return; // the input has changed meanwhile
      show(Items);
      note.textContent = note.dataset.none;
      note.hidden = Items.length > 0 || !!Next || kind !== "disks" && control.value.trim() !== "";
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
  ask();
  control.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 250);
  });
}
