/**
 * One figure with its name.
 */
export const Tile = (props: {
  readonly name: string
  readonly value: string
  readonly note?: string | undefined
  /** For tests and for whoever reads the page by a program: which figure it is. */
  readonly figure: string
}) => (
  <div class="tile" data-figure={props.figure}>
    <dt>{props.name}</dt>
    <dd class="value">{props.value}</dd>
    {props.note === undefined ? null : <dd class="note">{props.note}</dd>}
  </div>
)
