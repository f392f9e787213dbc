/**
 * Data as it is, on demand.
 */
import { useState } from 'preact/hooks'

export const Json = ({ name, value }: { readonly name: string; readonly value: unknown }) => {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="json" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{name}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      {isOpen ? <pre tabIndex={0}>{JSON.stringify(value, null, 2)}</pre> : null}
    </details>
  )
}
