"use strict";
// The page of sixtree-web: what runs, looked at every second.

const EVERY_MS = 1000;
const BUILT_IN = ["fix-attrs", "legacy-cont-init", "legacy-services", "sixtree-web"];
const find = (id) => document.getElementById(id);
const token = find("token");
let followed = null;

token.value = sessionStorage.getItem("token") || "";
token.addEventListener("input", () => {
  sessionStorage.setItem("token", token.value);
  showToken();
});
find("access").addEventListener("submit", (event) => event.preventDefault());
find("all").addEventListener("change", look);

function showToken() {
  document.body.classList.toggle("has-token", token.value !== "");
}

function headers() {
  return token.value ? { Authorization: `Bearer ${token.value}` } : {};
}

function say(text) {
  find("message").textContent = text;
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function cell(label, text, className) {
  const made = element("td", { className: className || "" }, text);
  made.dataset.label = label;
  return made;
}

function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let at = 0;
  while (count >= 1024 && at < units.length - 1) {
    count /= 1024;
    at += 1;
  }
  return `${count.toFixed(at && count < 10 ? 1 : 0)} ${units[at]}`;
}

// What is said of a service in one word, and how good that is.
function state(service) {
  if (service.healthy === false) return ["unhealthy", "bad"];
  if (service.state !== "up") return [service.state, service.wanted ? "bad" : ""];
  if (service.type === "oneshot") return ["done", "good"];
  return service.ready ? ["ready", "good"] : ["up, not ready", "wait"];
}

function row(service) {
  const [word, good] = state(service);
  const name = element("button", { className: "name", type: "button" }, service.name);
  name.addEventListener("click", () => follow(service.name));
  const buttons = ["start", "stop", "restart"].map((verb) => {
    const button = element("button", { type: "button" }, verb);
    button.setAttribute("aria-label", `${verb} ${service.name}`);
    button.addEventListener("click", () => change(service.name, verb));
    return button;
  });
  const since = service.since_ms ? duration(Date.now() - service.since_ms) : "";
  const memory = service.memory_bytes == null ? "" : bytes(service.memory_bytes);
  const actions = element("td", { className: "act" }, ...buttons);
  const made = element("tr", {},
    element("td", {}, name), cell("State", word, good), cell("Since", since),
    cell("Restarts", service.restarts == null ? "" : String(service.restarts)),
    cell("Memory", memory, "optional"), cell("Why", service.why || "", "why"), actions);
  made.dataset.service = service.name;
  return made;
}

async function get(path) {
  const response = await fetch(path, { headers: headers() });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || response.statusText);
  return answer;
}

async function look() {
  try {
    const status = await get("api/v1/services");
    const shown = status.services.filter((s) => find("all").checked || !BUILT_IN.includes(s.name) || (s.wanted && s.state !== "up"));
    const focused = document.activeElement;
    const place = focused && focused.closest("tr");
    const at = place && [place.dataset.service, [...place.querySelectorAll("button")].indexOf(focused)];
    find("services").replaceChildren(...shown.map(row));
    if (at) {
      // The keyboard stays where it was.
      const again = [...find("services").children].find((r) => r.dataset.service === at[0]);
      if (again) again.querySelectorAll("button")[at[1]].focus();
    }
    document.body.classList.toggle("has-memory", status.services.some((s) => s.memory_bytes != null));
    tell(status.healthy ? "healthy" : "not healthy", status.healthy ? "good" : "bad");
    say("");
  } catch (e) {
    tell("no answer", "bad");
    say(`${e.message}`);
  }
}

function tell(text, good) {
  const health = find("health");
  if (health.textContent !== text) health.textContent = text;
  health.className = good;
}

function bar(step, end) {
  const until = step.end_us == null ? end : step.end_us;
  const track = element("div", { className: "track" });
  const made = element("div", { className: step.failed ? "bar failed" : "bar" });
  made.style.left = `${(100 * step.start_us) / end}%`;
  made.style.width = `${(100 * (until - step.start_us)) / end}%`;
  track.append(made);
  const took = `${((until - step.start_us) / 1000).toFixed(1)} ms`;
  const line = element("div", { className: "step" }, element("span", {}, `${step.name} (${took})`), track);
  line.setAttribute("role", "listitem");
  return line;
}

async function boot() {
  try {
    const timing = await get("api/v1/timing");
    const end = Math.max(timing.end_us, 1);
    find("boot-time").textContent = timing.over
      ? `The boot took ${(end / 1000).toFixed(0)} ms.` : "The boot is under way.";
    find("boot").replaceChildren(...[...timing.steps, ...timing.services].map((step) => bar(step, end)));
    if (!timing.over) setTimeout(boot, EVERY_MS);
  } catch (e) {
    setTimeout(boot, EVERY_MS * 5);
  }
}

async function change(name, verb) {
  try {
    const path = `api/v1/services/${encodeURIComponent(name)}/${verb}`;
    const response = await fetch(path, { method: "POST", headers: headers() });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    await look();
  } catch (e) {
    say(`${verb} ${name}: ${e.message}`);
  }
}

async function follow(name) {
  if (followed) followed.abort();
  followed = new AbortController();
  const log = find("log");
  find("log-name").textContent = `What ${name} has written, and PID 1 said of it:`;
  log.textContent = "";
  try {
    const path = `api/v1/logs/${encodeURIComponent(name)}?follow&lines=200`;
    const response = await fetch(path, { headers: headers(), signal: followed.signal });
    if (!response.ok) throw new Error((await response.json()).error);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
      log.append(value);
      if (log.textContent.length > 500000) log.textContent = log.textContent.slice(-250000);
      if (isAtEnd) log.scrollTop = log.scrollHeight;
    }
  } catch (e) {
    if (e.name !== "AbortError") log.textContent = e.message;
  }
}

showToken();
look();
boot();
setInterval(look, EVERY_MS);
