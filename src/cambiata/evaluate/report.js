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
