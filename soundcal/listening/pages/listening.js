// The server alone knows the state. This module sends what a person does, repeats it until it is
// acknowledged, and shows the page that the server renders then.

const body = document.body;
const { base, tab, page: address } = body.dataset;
const page = () => document.getElementById("page");
const find = (selector) => document.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (type, act) => document.addEventListener(type, act);
const itemOf = (node) => node.closest("[data-item]");
const sleep = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
const longer = (wait) => Math.min(2 * wait, 15);
const now = () => performance.now() / 1000;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

let words = JSON.parse(body.dataset.words);
let received = now(); // when the page was rendered
let started = now(); // when the trial was first shown
let hand = "keys"; // pointer, touch or keys

// ---- messages, which wait while a sound plays

let queued;
let fading;

function say(text, stays = false) {
  if (now() - received < find("#player")?.dataset.duration) {
    queued = [text, stays];
    return;
  }
  queued = null;
  clearTimeout(fading);
  find("#say").textContent = text;
  if (!stays) fading = setTimeout(() => (find("#say").textContent = ""), 4000);
}

// ---- the page of the current state

let wanted = false;
let fetching = false;

async function show() {
  wanted = true;
  if (fetching) return;
  fetching = true;
  for (let wait = 1; wanted; ) {
    wanted = false;
    try {
      const options = { headers: { "X-Tab": tab }, signal: AbortSignal.timeout(10000) };
      const reply = await fetch(address, options);
      if (!reply.ok) throw reply;
      put(new DOMParser().parseFromString(await reply.text(), "text/html"));
      if (wait > 1) say("");
    } catch {
      wanted = true;
      say(words.offline, true);
      await sleep(wait);
      wait = longer(wait);
    }
  }
  fetching = false;
}

function put(next) {
  const old = page();
  const fresh = next.getElementById("page");
  const [was, is] = [{ ...old.dataset }, { ...fresh.dataset }];
  const same = is.trial ? is.trial === was.trial : is.screen === was.screen;
  received = now();
  words = JSON.parse(next.body.dataset.words);
  for (const name of ["lang", "dir"]) document.documentElement[name] = next.documentElement[name];
  document.title = next.title;
  if (same) {
    merge(old, fresh, next);
  } else {
    if (is.screen === "other_window") keepBehind(old, fresh);
    old.replaceWith(fresh);
    started = now();
    scrollTo(0, 0);
    fresh.classList.add("fresh"); // against double taps
    setTimeout(() => fresh.classList.remove("fresh"), 300);
  }
  offerSteps();
  if (is.screen !== "playing") {
    if ([body, null].includes(document.activeElement)) find("#heading")?.focus({ preventScroll: same });
    if (queued) say(...queued);
    else if (was.screen === "playing" && is.screen === "answer") say(words.trial_ended);
  }
}

// Turn the old page into the new one, and leave what was entered as it is.
function merge(old, fresh, next) {
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes])
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  if (old.dataset.item) return;
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    let twin = at && !at.id && at.nodeName === child.nodeName ? at : null;
    if (child.id) twin = [...old.children].find(({ id }) => id === child.id);
    if (!twin) {
      old.insertBefore(child, at);
      continue;
    }
    while (at && at !== twin && !(at.id && next.getElementById(at.id))) at = drop(at);
    if (at !== twin) old.insertBefore(twin, at);
    if (twin.nodeType === Node.ELEMENT_NODE) merge(twin, child, next);
    else twin.data = child.data;
    at = twin.nextSibling;
  }
  while (at) at = drop(at);
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

// Another window took over: what was entered here stays to be read.
function keepBehind(old, fresh) {
  if (!old.querySelector("form[data-act=answer]")) return;
  const behind = old.querySelector("main > section");
  behind.inert = true;
  behind.classList.add("behind");
  for (const part of all("[id]", behind)) part.removeAttribute("id");
  fresh.querySelector("main").append(behind);
}

// ---- what a person does

let doing;

const send = (action, content) =>
  fetch(`${base}/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
    signal: AbortSignal.timeout(10000),
  });

function common() {
  const { number, key } = page().dataset;
  return { number: +number, key, tab };
}

async function post(action, content) {
  for (let wait = 1; ; wait = longer(wait)) {
    let trouble = words.offline;
    try {
      const reply = await send(action, content);
      if (reply.status < 500) return { status: reply.status, ...(await reply.json()) };
      trouble = words.problem;
    } catch {}
    say(trouble, true);
    await sleep(wait);
  }
}

function lock(locked) {
  for (const button of all("main button:is([data-act], [type=submit])")) {
    if (locked ? isLocked(button) : !("locked" in button.dataset)) continue;
    button.toggleAttribute("data-locked", locked);
    button[locked ? "setAttribute" : "removeAttribute"]("aria-disabled", "true");
  }
}

const isLocked = (button) => button.getAttribute("aria-disabled") === "true";

async function act(action, extra) {
  const { screen } = page().dataset;
  lock(true);
  while (doing) await doing;
  if (action !== "help" && screen !== page().dataset.screen) return lock(false);
  doing = perform(action, extra, screen).finally(() => (doing = null));
  await doing;
  lock(false);
}

async function perform(action, extra, screen, tries = 0) {
  if (action === "answer") say(words.sending, true);
  const own = base || action === "code" ? {} : common();
  const reply = await post(action, { ...own, ...extra });
  const { status, message, data } = reply;
  if (status === (action === "code" ? 200 : 401)) return location.replace(address);
  if (action === "code") return fault(find("#code"), message);
  if (status === 409 && screen === reply.screen && tries < 9) {
    await show();
    return perform(action, extra, screen, tries + 1); // only the number differed
  }
  const other = status === 409 && reply.screen !== "other_window" ? words.already_stored : "";
  if (base) say(message);
  else if (status === 422) say(words.problem);
  else if (action === "answer") say(status === 200 ? words.saved : other);
  await show();
  if (data?.missing) mark(data.missing);
}

function fault(field, text) {
  find(`#f-${field.id}`).textContent = text;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

on("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const twice = event.detail > 1 && !button.dataset.step;
  if (isLocked(button) || twice) return event.preventDefault();
  if (button.dataset.act) act(button.dataset.act, JSON.parse(button.dataset.body || "{}"));
  else if (button.dataset.step) step(button);
  else if (button.id === "steps") {
    sessionStorage.setItem("steps", body.classList.contains("steps-on") ? "" : "on");
    offerSteps();
  }
});

on("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  if (isLocked(form.querySelector("[type=submit]"))) return;
  const action = form.dataset.act;
  const field = form.querySelector("[data-empty]");
  if (action === "answer") {
    const { trial, revision } = form.dataset;
    if (!mark()) return;
    clearTimeout(drafting);
    const seconds = now() - started;
    act(action, { trial: +trial, revision: +revision, answers: answersOf(form), seconds });
  } else if (field && !(field.type === "checkbox" ? field.checked : field.value.trim())) {
    fault(field, field.dataset.empty);
  } else if (action === "consent") {
    act(action, { version: form.dataset.version, agree: true });
  } else {
    const own = JSON.parse(form.dataset.body || "{}");
    act(action, { ...own, ...Object.fromEntries(new FormData(form)) });
    if (base) form.reset();
  }
});

// ---- answers

const isTouched = (range) => "touched" in range.dataset;
const FIELD = "input[type=range], input[type=text], textarea";

function answerOf(item) {
  const { kind } = item.dataset;
  const picked = all("input:checked", item).map(({ value }) => value);
  const field = item.querySelector(FIELD);
  let value = field?.value.trim();
  if (kind === "slider" && !isTouched(field)) return null;
  if (kind === "many") value = picked.length && picked;
  if (kind === "buttons" || kind === "choice") value = picked[0];
  if (!value) return null;
  const figure = ["slider", "number", "buttons"].includes(kind);
  const number = figure ? Number(value.replace(",", ".")) : NaN;
  return { value: Number.isFinite(number) ? number : value, input: item.dataset.input || "keys" };
}

function answersOf(form) {
  const pairs = all("[data-item]", form).map((item) => [item.dataset.item, answerOf(item)]);
  return Object.fromEntries(pairs.filter(([, answer]) => answer));
}

function problem(item) {
  const answer = answerOf(item);
  const { kind, low, high, wrong } = item.dataset;
  if (!answer) return "required" in item.dataset ? words.answer_missing : "";
  if (kind !== "number") return "";
  const outside = (low && answer.value < +low) || (high && answer.value > +high);
  return typeof answer.value !== "number" || outside ? wrong : "";
}

// Say at each field what is missing or wrong; true if nothing is.
function mark(refused = []) {
  const missing = [];
  let first = null;
  for (const item of all("[data-item]")) {
    const text = refused.includes(item.dataset.item) ? words.answer_missing : problem(item);
    note(item, text);
    if (text) first ??= item;
    if (text === words.answer_missing) missing.push(item.dataset.name);
  }
  const text = missing.length === 1 ? words.missing_one : words.missing_many;
  const values = { count: missing.length, names: missing.join(", ") };
  find("#missing").textContent = missing.length ? fill(text, values) : "";
  first?.querySelector("input, textarea").focus();
  return first === null;
}

function note(item, text) {
  item.querySelector(".fault").textContent = text;
  const field = item.matches("[role=radiogroup]") ? item : item.querySelector(FIELD);
  field?.[text ? "setAttribute" : "removeAttribute"]("aria-invalid", "true");
}

function touch(range, by) {
  const item = itemOf(range);
  item.dataset.input = by;
  range.dataset.touched = "";
  range.removeAttribute("aria-valuetext");
  item.querySelector("output").textContent = range.value;
  changed(item);
}

function changed(item) {
  if (item.querySelector(".fault").textContent) note(item, "");
  if (!find(".fault:not(:empty)")) find("#missing").textContent = "";
  clearTimeout(drafting);
  drafting = setTimeout(draft, 1000);
}

// A tap in the exact middle changes no value, so the pointer counts, but no scrolling.
let before;
on("pointerdown", (event) => {
  hand = event.pointerType === "touch" ? "touch" : "pointer";
  const range = event.target.closest("input[type=range]");
  if (!range || event.button !== 0) return;
  before = { range, value: range.value, first: !isTouched(range) };
  touch(range, hand);
});
on("pointercancel", () => {
  if (!before) return;
  const { range, value, first } = before;
  range.value = value;
  itemOf(range).querySelector("output").textContent = first ? "" : value;
  if (first) {
    delete range.dataset.touched;
    range.setAttribute("aria-valuetext", words.answer_not_yet);
  }
});
on("pointerup", () => (before = null));
on("keydown", () => (hand = "keys"));
on("input", (event) => {
  const item = itemOf(event.target);
  if (event.target.type === "range") return touch(event.target, hand);
  if (item) {
    item.dataset.input = hand;
    changed(item);
  } else if (event.target.hasAttribute("aria-invalid")) {
    event.target.removeAttribute("aria-invalid");
    find(`#f-${event.target.id}`).textContent = "";
  }
});

function step(button) {
  const range = itemOf(button).querySelector("input");
  if (isTouched(range) || range.dataset.handle !== "none") range.stepUp(Number(button.dataset.step));
  touch(range, hand);
}

function offerSteps() {
  const on = sessionStorage.getItem("steps") === "on";
  body.classList.toggle("steps-on", on);
  find("#steps")?.setAttribute("aria-pressed", String(on));
}

let drafting;

async function draft() {
  const form = find("form[data-act=answer]");
  if (!form || doing) return;
  const trial = Number(form.dataset.trial);
  try {
    const reply = await send("draft", { ...common(), trial, answers: answersOf(form) });
    if (reply.status >= 500) throw reply;
    if (reply.status !== 200) show();
  } catch {
    drafting = setTimeout(draft, 5000);
  }
}

// ---- what the server tells

let stream;
let heard = now();

function listen() {
  stream?.close();
  stream = new EventSource(`${base}/events?tab=${encodeURIComponent(tab)}`);
  const news = {
    beat: () => base && show(),
    changed: show,
    state: ({ number }) => String(number) === page().dataset.number || show(),
    position({ position_s }) {
      const player = find("#player[data-position]");
      if (player) player.dataset.position = position_s;
      received = now();
    },
  };
  for (const [kind, then] of Object.entries(news))
    stream.addEventListener(kind, ({ data }) => {
      heard = now();
      then(JSON.parse(data));
    });
}

let asked = 0;

function ask() {
  if (now() - asked < 2) return;
  asked = now();
  show();
}

function tick() {
  const since = now() - received;
  const player = find("#player[data-position]");
  if (player) {
    const { position, duration, waits } = player.dataset;
    const total = +duration;
    const at = Math.min(+position + (waits === undefined ? since : 0), total);
    find("#position").value = at;
    const values = { seconds: Math.floor(at), total: Math.round(total) };
    find("#seconds").textContent = fill(words.trial_time, values);
    if (since > total + 1.5) ask();
  }
  const countdown = find("#countdown");
  if (countdown) {
    const left = Math.max(0, Math.ceil(Number(countdown.dataset.seconds) - since));
    const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    countdown.textContent = fill(countdown.dataset.text, { time });
    if (left === 0) ask();
  }
  if (now() - heard > 16) {
    heard = now();
    listen();
    show();
  }
}

window.addEventListener("pageshow", (event) => event.persisted && location.reload());
on("visibilitychange", () => document.hidden || ask());
offerSteps();
if (page().dataset.screen !== "join") {
  listen();
  setInterval(tick, 250);
}
