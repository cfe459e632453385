// Holds a button back for as long as another mail would not leave anyway.
for (const button of document.querySelectorAll("[data-mailplus-wait]")) {
  const until = Date.now() + 1000 * Number(button.dataset.mailplusWait);
  const countdown = button.querySelector("[data-mailplus-countdown]");
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    button.disabled = left > 0;
    countdown.textContent = left > 0 ? `${left} s` : "";
    if (left > 0) setTimeout(tick, 1000);
  };
  tick();
}
