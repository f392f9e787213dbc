/**
 * Amounts beside their names as bars: a table whose one column is also drawn.
 */
export interface Amount {
  readonly name: string
  readonly value: number
  readonly text: string
  readonly note?: string
}

export const Bars = (props: { readonly caption: string; readonly of: string; readonly amounts: readonly Amount[] }) => {
  const most = Math.max(0, ...props.amounts.map(({ value }) => value))
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section class="scroll" tabIndex={0} aria-label={props.caption}>
      <table class="bars">
        <caption>{props.caption}</caption>
        <thead class="hidden">
          <tr>
            <th scope="col">Of</th>
            <th scope="col">{props.of}</th>
          </tr>
        </thead>
        <tbody>
          {props.amounts.map(({ name, value, text, note }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <span class="bar accent" aria-hidden="true">
                  <span class="bar-fill" style={{ width: `${most === 0 ? 0 : (Math.max(0, value) / most) * 100}%` }} />
                </span>
                <span class="number">{text}</span>
                {note === undefined ? null : <span class="note">{note}</span>}
              </td>
            </tr>
          ))}
          {props.amounts.length === 0 ? (
            <tr>
              <td class="quiet">None.</td>
            </tr>
          ) : null}
        </tbody>
      </table>
    </section>
  )
}
