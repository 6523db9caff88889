// Tabs after the ARIA pattern: arrow keys, Home and End move, the panel is built when first shown.

/** Ties the buttons of `list` to their panels; `build(name, panel)` fills a panel once. */
export function makeTabs(list, build) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const built = new Set();
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  const show = (tab, focus) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      panelOf(other).hidden = !chosen;
      if (!chosen) panelOf(other).dispatchEvent(new Event("leave"));
    }
    if (focus) tab.focus();
    tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    const name = tab.dataset.name;
    if (!built.has(name)) {
      built.add(name);
      build(name, panelOf(tab));
    }
    panelOf(tab).dispatchEvent(new Event("enter"));
    if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) show(tab, false);
  });
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    show(tabs[(next + tabs.length) % tabs.length], true);
  });
  const byName = (name) => tabs.find((tab) => tab.dataset.name === name);
  addEventListener("hashchange", () => {
    const tab = byName(location.hash.slice(1));
    if (tab && tab.getAttribute("aria-selected") !== "true") show(tab, false);
  });
  show(byName(location.hash.slice(1)) || tabs[0], false);
  return { show: (name) => show(byName(name), true) };
}
