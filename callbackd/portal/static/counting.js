// Shows how far a report is, and loads the page anew when it is made. A daemon that is away is waited for.
import { morphChildren } from "./morph.js";

const EVERY = 400; // ms

const part = document.getElementById("counting");

async function look() {
  try {
    const answer = await fetch(part.dataset.progress, { credentials: "same-origin", cache: "no-store" });
    if (answer.status === 204 || answer.status === 401) {
      location.reload(); // made, or logged out: the page itself says which
      return;
    }
    if (answer.ok) {
      const piece = document.createElement("template");
      piece.innerHTML = await answer.text();
      // The bar's value is no user's: morph leaves values alone.
      const [bar, told] = [part.querySelector("progress"), piece.content.querySelector("progress")];
      bar.value = told.value;
      morphChildren(part, piece.content);
    }
  } catch {
    // It is asked again.
  }
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
