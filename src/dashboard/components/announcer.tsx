/**
 * Says aloud, to screen readers, what has changed, and shows it to everybody for a while.
 */
import { signal } from '@preact/signals'

const SHOWN_MS = 6_000

const said = signal('')
let timer: ReturnType<typeof setTimeout> | undefined

export const announce = (text: string): void => {
  clearTimeout(timer)
  said.value = text
  timer = setTimeout(() => {
    said.value = ''
  }, SHOWN_MS)
}

export const Announcer = () => (
  <div class="announcer" aria-live="polite" role="status">
    {said.value === '' ? null : <p>{said.value}</p>}
  </div>
)
