/**
 * How much of something is used, as a bar. The figures beside it say the same to whoever does not see it.
 */
const NEARLY_FULL = 0.8

export const Meter = (props: {
  readonly label: string
  /** 0 to 1; more is shown as full. */
  readonly share: number
  readonly text: string
  readonly note?: string | undefined
  /** From which share on it asks for attention. */
  readonly warnAt?: number
  /** A bar that is good when it is full. */
  readonly tone?: 'accent'
}) => {
  const { label, share, text, note, warnAt = NEARLY_FULL } = props
  const shown = Math.min(1, Math.max(0, share))
  const tone = props.tone ?? (share >= 1 ? 'bad' : share >= warnAt ? 'warn' : 'good')
  return (
    <div class="meter">
      <div class="meter-head">
        <span>{label}</span>
        <span class="number">{text}</span>
      </div>
      <div class={`bar ${tone}`} aria-hidden="true">
        <div class="bar-fill" style={{ width: `${shown * 100}%` }} />
      </div>
      {note === undefined ? null : <p class="note">{note}</p>}
    </div>
  )
}
