for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falls = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const value = row => row.cells[column].dataset.value;
      const rows = [...table.tBodies[0].rows].sort((a, b) =>
        (value(a) === "") - (value(b) === "") || (value(a) - value(b)) * (falls ? -1 : 1));
      table.tBodies[0].append(...rows);
    });
  });
}
document.addEventListener("play", event => {
  for (const audio of document.querySelectorAll("audio"))
    if (audio !== event.target) audio.pause();
}, true);
for (const frame of document.querySelectorAll(".timeline")) {
  const audio = frame.parentElement.querySelector("audio"), head = frame.querySelector(".playhead");
  const {left, width, axis} = frame.dataset;
  const show = () => {
    head.style.left = 100 * (+left + width * audio.currentTime / axis) + "%";
    head.hidden = audio.currentTime === 0;
    if (!audio.paused) requestAnimationFrame(show);
  };
  audio.addEventListener("play", show);
  audio.addEventListener("timeupdate", show);
}
const keepPlace = document.getElementById("keep-place");
const shared = [...document.querySelectorAll("audio[data-shared]")];
document.addEventListener("play", event => {
  if (!keepPlace || !keepPlace.checked || !shared.includes(event.target)) return;
  const last = shared.find(audio => audio.dataset.last);
  if (last && last !== event.target && !last.ended && last.currentTime < event.target.duration)
    event.target.currentTime = last.currentTime;
  shared.forEach(audio => delete audio.dataset.last);
  event.target.dataset.last = "yes";
}, true);
