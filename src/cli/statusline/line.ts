/**
 * The line itself: `vertex · today $3.21 · session $0.45 · cache 92 % · budget daily 64 %`.
 */
import type { StatuslineView } from '#actors/views/statusline-view.ts'

export interface LineStyle {
  readonly color: boolean
}

/** From these shares of a bound on it is yellow, and red; Claude Code warns at the same. */
const NEAR_SHARE = 0.75
const FULL_SHARE = 0.95

type Color = 'green' | 'yellow' | 'red' | 'dim'
/** SGR codes of terminals. */
const CODES: { readonly [C in Color]: number } = { green: 32, yellow: 33, red: 31, dim: 2 }

export const statusLine = (view: StatuslineView, { color }: LineStyle): string => {
  const paint = (text: string, wanted: Color): string => (color ? `\u001B[${CODES[wanted]}m${text}\u001B[0m` : text)
  const { provider, today, session, cacheHitShare, nearest, alerts } = view
  const [alert] = alerts
  const parts = [
    provider === null ? 'signalbox' : paint(`${provider.id}${stateWord(provider.state)}`, STATE_COLORS[provider.state]),
    `today ${usd(today)}`,
    ...(session === null ? [] : [`session ${usd(session)}`]),
    ...(cacheHitShare === null ? [] : [`cache ${percent(cacheHitShare)}`]),
    ...(nearest === null
      ? []
      : [
          paint(
            `${nearest.kind === 'budget' ? `budget ${nearest.name}` : nearest.name} ${percent(nearest.usedShare)}`,
            nearest.usedShare >= FULL_SHARE ? 'red' : nearest.usedShare >= NEAR_SHARE ? 'yellow' : 'green',
          ),
        ]),
    ...(alert === undefined
      ? []
      : [
          paint(
            `${alerts.length === 1 ? 'alert' : `${alerts.length} alerts`}: ${alert.kind}${alert.subject === '' ? '' : ` ${alert.subject}`}`,
            alert.severity === 'critical' ? 'red' : 'yellow',
          ),
        ]),
  ]
  return oneLine(parts.join(paint(' · ', 'dim')), color)
}

/** What is there to say when the box cannot be asked. */
export const sadLine = (what: string, { color }: LineStyle): string =>
  color ? `\u001B[${CODES.dim}msignalbox: ${what}\u001B[0m` : `signalbox: ${what}`

type State = NonNullable<StatuslineView['provider']>['state']

const STATE_COLORS: { readonly [S in State]: Color } = {
  healthy: 'green',
  throttled: 'yellow',
  halfOpen: 'yellow',
  openCircuit: 'red',
  retired: 'red',
}

const STATE_WORDS: { readonly [S in State]: string } = {
  healthy: '',
  throttled: 'waits',
  halfOpen: 'is on trial',
  openCircuit: 'is down',
  retired: 'is gone',
}

const stateWord = (state: State): string => (STATE_WORDS[state] === '' ? '' : ` ${STATE_WORDS[state]}`)

/** With a plus where there is more that nobody knows the price of. */
const usd = ({ costNanoUsd, unpriced }: { readonly costNanoUsd: number; readonly unpriced: boolean }): string =>
  `$${(costNanoUsd / 1e9).toFixed(2)}${unpriced ? '+' : ''}`

const percent = (share: number): string => `${Math.round(share * 100)} %`

/** Names of budgets and models come from people and clients: nothing of theirs may move the cursor. */
const oneLine = (text: string, color: boolean): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  text.replaceAll(color ? /[\u0000-\u001A\u001C-\u001F\u007F-\u009F]/g : /[\u0000-\u001F\u007F-\u009F]/g, '')
