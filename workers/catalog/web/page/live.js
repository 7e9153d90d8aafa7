// Labels as they come: server-sent events, read with fetch because an EventSource sends no token.
import { answer } from "/page/api.js";

const AGAIN_MS = 3000;

/**
 * Calls `came` with {total, labeled, items} for ever, and `connected` with whether the catalog answers. A page that is not
 * looked at listens to nothing: a browser has six connections to a catalog, for all its pages together.
 */
export async function live(came, connected) {
  for (;;) {
    await visible(true);
    const hidden = new AbortController();
    visible(false).then(() => hidden.abort());
    try {
      const found = await answer("/api/arrivals", { signal: hidden.signal });
      connected(true);
      for await (const event of events(found.body)) came(event);
    } catch {
      // it is away, or restarts: try again
    }
    if (hidden.signal.aborted) continue;
    connected(false);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function visible(wanted) {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden === wanted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let left = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (left + value).split("\n\n");
    left = parts.pop();
    for (const part of parts) if (part.startsWith("data: ")) yield JSON.parse(part.slice(6));
  }
}
