// Numbers and names in words.

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

/** A pitch's name, C4 for 60. @type {(pitch: number) => string} */
export const pitchName = (pitch) => `${NAMES[((pitch % 12) + 12) % 12]}${Math.floor(pitch / 12) - 1}`;

/** Seconds as 1:02.5, or 2.5 s below a minute. @type {(seconds: number) => string} */
export function time(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - 60 * minutes).toFixed(1).padStart(4, "0")}`;
}

/** A clock: 0:07.3. @type {(seconds: number) => string} */
export function clock(seconds) {
  const tenths = Math.max(0, Math.round(10 * seconds));
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
}

/** Bytes as kB or MB. @type {(bytes: number) => string} */
export const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** A name from a key: "sample_rate" as "Sample rate". @type {(key: string) => string} */
export function title(key) {
  const words = key.replace(/_(s|hz|db)$/, "").replaceAll("_", " ").replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The error that a refusal tells, else plain words. @type {(error: unknown) => string} */
export const errorText = (error) => (error instanceof Error ? error.message : String(error));
