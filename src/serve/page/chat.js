"use strict";

const at = id => document.getElementById(id);
let messages = [];  // of the conversation so far, as the server wants them
let asking = null;  // the AbortController of the answer that is coming

function headers() {
  const key = at("key").value.trim();
  return {"Content-Type": "application/json", ...(key && {Authorization: `Bearer ${key}`})};
}

function show(kind, text) {
  const box = document.createElement("div");
  box.className = `message ${kind}`;
  box.textContent = text;
  at("messages").append(box);
  at("messages").scrollTop = at("messages").scrollHeight;
  return box;
}

async function fault(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `the server answered ${response.status}`;
  }
}

// Calls `take` with each document of an event stream.
async function readEvents(response, take) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const data = text.slice(0, end).split("\n").filter(l => l.startsWith("data: ")).map(l => l.slice(6)).join("\n");
      if (data && data !== "[DONE]") take(JSON.parse(data));
    }
  }
}

function request() {
  const system = at("system").value.trim();
  const body = {
    messages: [...(system ? [{role: "system", content: system}] : []), ...messages],
    stream: true,
    stream_options: {include_usage: true},
  };
  const temperature = at("temperature").valueAsNumber, most = at("most-tokens").valueAsNumber;
  if (!Number.isNaN(temperature)) body.temperature = temperature;
  if (!Number.isNaN(most)) body.max_tokens = most;
  return body;
}

function setBusy(busy) {
  at("send").hidden = busy;
  at("stop").hidden = !busy;
  at("again").disabled = busy || !messages.some(m => m.role === "assistant");
}

async function answer() {
  const own = asking = new AbortController();
  const conversation = messages;
  setBusy(true);
  const box = show("assistant", "");
  const began = performance.now();
  let text = "", usage = null, wrong = null;
  try {
    const response = await fetch("v1/chat/completions",
      {method: "POST", headers: headers(), body: JSON.stringify(request()), signal: own.signal});
    if (!response.ok) throw new Error(await fault(response));
    await readEvents(response, event => {
      if (event.error) throw new Error(event.error.message);
      usage = event.usage ?? usage;
      text += event.choices[0]?.delta.content ?? "";
      box.textContent = text;
      at("messages").scrollTop = at("messages").scrollHeight;
    });
  } catch (error) {
    if (error.name !== "AbortError") wrong = error.message;
  }
  const seconds = (performance.now() - began) / 1000;
  if (conversation !== messages) return;  // a new chat was begun
  if (text || !wrong) messages.push({role: "assistant", content: text});
  if (!text && wrong) box.remove();
  if (wrong) show("wrong", wrong);
  at("words").textContent = usage
    ? `${usage.prompt_tokens} prompt tokens (${usage.prompt_tokens_details.cached_tokens} known), ` +
      `${usage.completion_tokens} tokens in ${seconds.toFixed(1)} s` : "";
  asking = null;
  setBusy(false);
}

function send() {
  const text = at("text").value.trim();
  if (!text || asking) return;
  at("text").value = "";
  messages.push({role: "user", content: text});
  show("user", text);
  answer();
}

function again() {
  if (asking || messages.at(-1)?.role !== "assistant") return;
  messages.pop();
  [...document.querySelectorAll(".message.assistant")].at(-1)?.remove();
  answer();
}

function clear() {
  asking?.abort();
  asking = null;
  messages = [];
  at("messages").replaceChildren();
  at("words").textContent = "";
  setBusy(false);
  at("text").focus();
}

async function nameModel() {
  try {
    const response = await fetch("v1/models", {headers: headers()});
    if (response.ok) at("model").textContent = (await response.json()).data[0].id;
    else at("settings").open = response.status === 401;
  } catch {
    at("words").textContent = "the server is not there";
  }
}

at("form").addEventListener("submit", event => { event.preventDefault(); send(); });
at("options").addEventListener("submit", event => event.preventDefault());
at("text").addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
at("stop").addEventListener("click", () => asking?.abort());
at("again").addEventListener("click", again);
at("clear").addEventListener("click", clear);
at("key").addEventListener("change", nameModel);
nameModel();
