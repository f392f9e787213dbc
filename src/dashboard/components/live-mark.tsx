/**
 * Whether what is shown follows the box.
 */
import { liveState } from '../live.ts'
import { moment } from '../router.ts'

const TEXTS = { connecting: 'connecting …', live: 'live', reconnecting: 'reconnecting …' } as const

export const LiveMark = () => {
  const state = moment.value === null ? liveState.value : 'past'
  return (
    <span class={`live-mark ${state}`} role="status" aria-live="polite">
      {state === 'past' ? 'past' : TEXTS[state]}
    </span>
  )
}
