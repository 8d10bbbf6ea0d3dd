// Figures as people read them: rounded, with a unit. For exact sizes see parse-size.ts.

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** '0 B', '1.50 KiB', '256 MiB': three digits and more below a unit's end. */
export function showBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  // 1023.5 would be shown as 1024 of the smaller unit.
  while (value >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? String(Math.round(value)) : threeDigits(value)} ${BYTE_UNITS[unit]}`
}

/** '350 ms', '12.3 s', '4 min 05 s', '2 h 03 min'. */
export function showSeconds(seconds: number): string {
  if (seconds < 0.9995) return `${threeDigits(seconds * 1000)} ms`
  if (seconds < 99.95) return `${threeDigits(seconds)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoPlaces(whole % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${twoPlaces(minutes % 60)} min`
}

/** '12.3 %' of a share between 0 and 1; '100 %' and '0 %' only where it is exactly that. */
export function showShare(share: number): string {
  if (share <= 0) return '0 %'
  if (share >= 1) return '100 %'
  return `${Math.min(99.9, Math.max(0.1, share * 100)).toFixed(1)} %`
}

/** '1,234,567'. */
export function showCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

function threeDigits(value: number): string {
  if (value === 0) return '0'
  if (value >= 99.95) return String(Math.round(value))
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2)
}

function twoPlaces(value: number): string {
  return String(value).padStart(2, '0')
}
