// What this window had chosen, so that a reload finds it again. Other windows have their own.

/** Chooses what was chosen before, else the example, and notes later choices. */
export async function remembered(key, slot, example) {
  const before = sessionStorage.getItem(`slot-${key}`);
  const noting = slot.onchange;
  slot.onchange = () => {
    noting();
    sessionStorage.setItem(`slot-${key}`, slot.choice?.ref || "");
  };
  await slot.choose(before || example || "");
  if (!slot.choice && example) await slot.choose(example);
}
