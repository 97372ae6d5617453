// Enhances the pages. Every feature works without this script: if a request fails,
// the browser sends the form itself.

const $ = (selector, from = document) => from.querySelector(selector);
const root = document.documentElement;

// Theme: the server draws the next page with the theme in the cookie.
const theme = $("#theme");
if (theme) {
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const tell = () => theme.setAttribute("aria-pressed", dark());
  tell();
  theme.hidden = false;
  theme.onclick = () => {
    root.dataset.theme = dark() ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme}; Path=/; SameSite=Lax; Max-Age=31536000`;
    tell();
  };
}

// Times: the server draws the next page in the time zone in the cookie.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone && !`; ${document.cookie};`.includes(`; zone=${timeZone};`)) document.cookie = `zone=${timeZone}; Path=/; SameSite=Lax; Max-Age=31536000`;

// Rows: the server draws the part of the form that contains them.
const form = $("#req");

async function redraw(op) {
  const [verb, field, row] = op.split(":");
  const part = "rows-" + field;
  const data = new URLSearchParams(new FormData(form));
  data.set("op", op);
  const answer = await fetch("/backups/preview", { method: "POST", headers: { "X-Part": part }, body: data });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const id = verb === "draw" ? "day-" + field : part;
  const fresh = page.getElementById(id);
  if (!answer.ok || !fresh) throw answer;
  document.getElementById(id).replaceWith(fresh);
  form.dispatchEvent(new Event("input")); // rows were added or removed
  if (verb === "draw") return;
  const rows = fresh.querySelectorAll(".row");
  $("input, select", rows[verb === "add" ? rows.length - 1 : Math.min(row, rows.length - 1)]).focus();
}

form?.addEventListener("click", (event) => {
  const button = event.target.closest("button[value^='add:'], button[value^='remove:'], button[value^='set:']");
  if (!button) return;
  event.preventDefault();
  const [verb, field, days] = button.value.split(":");
  if (verb !== "set") return redraw(button.value).catch(() => form.requestSubmit(button));
  form.elements[field].value = days; // a usual number of days
  form.elements[field].dispatchEvent(new Event("input", { bubbles: true }));
});

form?.addEventListener("change", (event) => {
  const op = event.target.closest("[data-draw]")?.dataset.draw;
  if (op) redraw(op).catch(() => {}); // the picture only repeats the rows, so a failure is ignored
});

// What is typed is stored after a short pause, so that it is there after Reload, in another tab and after a
// sign-in. The buttons store it without this.
let typing;

function keep() {
  clearTimeout(typing);
  typing = 0;
  const data = new URLSearchParams(new FormData(form));
  data.set("op", "keep");
  data.delete("kubectl");
  fetch("/drafts", { method: "POST", body: data, keepalive: true }).catch(() => {}); // the next change stores it again
}

if (form?.elements.page) {
  for (const kind of ["input", "change"]) {
    form.addEventListener(kind, () => {
      clearTimeout(typing);
      typing = setTimeout(keep, 400);
    });
  }
  form.addEventListener("submit", () => {
    clearTimeout(typing);
    typing = 0; // the post stores it
  });
  addEventListener("pagehide", () => typing && keep());
}

// The date until which a backup is kept follows the typed number of days.
form?.addEventListener("input", (event) => {
  const line = $(`[data-kept="${event.target.id}"]`);
  if (!line) return;
  const { max, text, locale, today } = line.dataset;
  const days = event.target.value.normalize("NFKC").replace(/[\s,]/g, "");
  const date = new Date(today + "T00:00Z");
  date.setUTCDate(date.getUTCDate() + +days);
  line.textContent = /^[0-9]+$/.test(days) && +days > 0 && +days <= +max
    ? text.replace("%s", new Intl.DateTimeFormat(locale, { dateStyle: "long", timeZone: "UTC" }).format(date))
    : "";
});

// Candidates and regions: their module is loaded when a control that needs it gets the focus or changes. It also shows
// what is known about the machine, when the page is complete.
if (form?.dataset.picker) {
  let loading, changed;
  const load = ({ type, target }) => {
    if (!target.name || !form.querySelector(`[data-pick][name="${target.name}"], [data-follows~="${target.name}"]`)) return;
    if (type === "change") changed = target;
    loading ??= import(form.dataset.picker).then(({ enhance }) => {
      for (const kind of ["focusin", "change"]) form.removeEventListener(kind, load);
      enhance(form);
      changed?.dispatchEvent(new Event("change", { bubbles: true }));
    }, () => {});
  };
  for (const kind of ["focusin", "change"]) form.addEventListener(kind, load);
  if (form.contains(document.activeElement)) load({ target: document.activeElement });
  if ($("#known")) addEventListener("load", () => import(form.dataset.picker).then(({ known }) => known(form), () => {}));
}

// The retention of the copy follows that of the backup until it is changed.
const [days, copyDays] = ["Retention", "Detail-destinationRetention"].map((name) => document.getElementById("f-" + name));
if (days && copyDays) {
  let before = days.value;
  days.addEventListener("input", () => {
    if (copyDays.value === before) {
      copyDays.value = days.value;
      copyDays.dispatchEvent(new Event("input", { bubbles: true }));
    }
    before = days.value;
  });
}

// The bar below the list of machines counts the boxes that are ticked.
const ticks = $("#ticks");
if (ticks) {
  const button = $(".selbar button");
  const label = button.textContent;
  const count = () => {
    const n = ticks.querySelectorAll(":checked").length;
    button.textContent = n > 1 ? button.dataset.many.replace("%d", n) : n ? button.dataset.one : label;
  };
  ticks.addEventListener("change", count);
  addEventListener("pageshow", count);
}

// A second click on the button that starts a backup is ignored.
form?.addEventListener("submit", (event) => {
  const to = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  if (to !== "/backups" && !to.endsWith("/start")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("[data-once]")) button.setAttribute("aria-disabled", "true");
});

addEventListener("pageshow", () => {
  if (!form) return;
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[data-once]")) button.removeAttribute("aria-disabled");
});

// Links of the error summary scroll the control to the middle.
$(".summary")?.addEventListener("click", (event) => {
  const control = event.target.closest("a") && $(event.target.closest("a").hash);
  if (!control) return;
  event.preventDefault();
  control.focus({ preventScroll: true });
  control.scrollIntoView({ block: "center" });
});

// Copy buttons.
function copies(button, text) {
  const label = button.textContent;
  button.hidden = !navigator.clipboard;
  button.onclick = async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = label), 2000);
  };
}

function offerCopies(from) {
  for (const button of from.querySelectorAll("[data-copy]")) {
    copies(button, () => document.getElementById(button.dataset.copy).textContent);
  }
}
offerCopies(document);

document.addEventListener("click", (event) => event.target.closest("[data-print]") && print());

const link = $("[data-link]");
if (link) {
  const filled = () => {
    const query = new URLSearchParams();
    for (const control of form.elements) {
      const shown = control.getClientRects().length && !/^(hidden|submit|button|fieldset)$/.test(control.type);
      const given = control.checked || control.value && !/^(radio|checkbox)$/.test(control.type);
      if (given && (shown || "linkPart" in control.dataset) && control.name !== "kubectl") query.set(control.name, control.value);
    }
    if (query.has("Preset")) query.set("whole", "1"); // the preset fills in nothing that is not in the link
    return link.dataset.link + "?" + query;
  };
  copies(link, () => location.origin + filled());
  // Without a store for drafts, the address of the form keeps what was typed for Back, if it fits.
  if (!form.elements.page) {
    form.addEventListener("submit", () => filled().length < 2000 && history.replaceState(null, "", filled()));
  }
}

// Status of a job: asks at growing intervals, and not while the page is hidden.
const began = Date.now();
let tag, timer, misses = 0, wait = 2000;

function pace(live) {
  const age = Date.now() - began;
  return Math.max(+live.dataset.every, age < 6e4 ? 5e3 : age < 6e5 ? 15e3 : 6e4);
}

function swap(old, fresh) {
  const focused = old.contains(document.activeElement) && document.activeElement.id;
  for (const [i, was] of old.querySelectorAll("details").entries()) {
    const now = fresh.querySelectorAll("details")[i];
    if (now) now.open = was.open;
  }
  old.replaceWith(fresh);
  offerCopies(fresh);
  if (focused) document.getElementById(focused)?.focus();
  const { step, said } = fresh.dataset;
  if (step === old.dataset.step) return;
  $("#said").textContent = said;
  if (!$("#again")) return;
  document.title = said + " – " + document.title;
  if (tell?.dataset.on) {
    try {
      new Notification(tell.dataset.notify, { body: said });
    } catch {} // some phones only allow notifications of service workers
  }
  tell?.remove();
}

// The browser is asked for permission only after a click.
const tell = $("[data-notify]");
if (tell && "Notification" in window) {
  tell.hidden = false;
  tell.onclick = async () => {
    const granted = (await Notification.requestPermission()) === "granted";
    tell.textContent = granted ? tell.dataset.done : tell.dataset.no;
    if (granted) tell.dataset.on = "yes";
  };
}

async function look() {
  timer = 0;
  const live = $("#live");
  try {
    const answer = await fetch(location.pathname + "?part=live", { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
    if (answer.status !== 304) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      if (!answer.ok || !fresh) throw answer;
      tag = answer.headers.get("ETag");
      swap(live, fresh);
    }
    misses = 0;
    wait = pace($("#live"));
  } catch {
    misses++;
    wait = Math.min(wait * 2, 3e4);
  }
  $("#away").hidden = misses < 2;
  plan();
}

function plan() {
  if (!timer && !document.hidden && $("#live").dataset.every !== "0") timer = setTimeout(look, wait);
}

if ($("#live")) {
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    timer = 0;
    if (!document.hidden && $("#live").dataset.every !== "0") look();
  });
  plan();
}
