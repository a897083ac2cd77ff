// Who comes by a link from elsewhere is logged in and yet shown this page: the browser sends the cookie only to what our
// own pages ask for. So ask; and go on if it is so. After too many tries, count the wait down.
const form = document.querySelector("form[data-next]");

if (form && !form.querySelector("[role=alert]")) {
  const answer = await fetch("/live/session", { credentials: "same-origin", cache: "no-store" });
  if (answer.status === 204) location.replace(form.dataset.next || "/");
}

const countdown = document.querySelector("[data-countdown]");
if (countdown) {
  const button = form.querySelector("button");
  const until = performance.now() + 1000 * Number(countdown.dataset.countdown);
  button.disabled = true;
  const timer = setInterval(() => {
    const left = Math.ceil((until - performance.now()) / 1000);
    countdown.textContent = String(Math.max(0, left));
    if (left <= 0) {
      clearInterval(timer);
      button.disabled = false;
    }
  }, 250);
}
