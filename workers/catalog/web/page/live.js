// Labels as they come: server-sent events, read with fetch because an EventSource sends no token.
import { answer } from "/page/api.js";

const AGAIN_MS = 3000;

/** Calls `came` with {total, labeled, items} for ever, and `connected` with whether the catalog answers. */
export async function live(came, connected) {
  for (;;) {
    try {
      const found = await answer("/api/arrivals");
      connected(true);
      for await (const event of events(found.body)) came(event);
    } catch {
      // it is away, or restarts: try again
    }
    connected(false);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
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
