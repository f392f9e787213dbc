/**
 * How the choices of the shadow policy compare with the live ones.
 */
import type { ShadowView } from '#actors/views/shadow-view.ts'
import { Table } from '../components/table.tsx'
import { Tile } from '../components/tile.tsx'
import { count, dateTime, milliseconds, percent, plural, usd } from '../format.ts'

type Both = { readonly live: number; readonly shadow: number }

/** The shadow's figure less the live one's. */
const difference = (both: Both | null, text: (amount: number) => string): string => {
  if (both === null) return '–'
  const more = both.shadow - both.live
  return `${more === 0 ? '' : more < 0 ? '−' : '+'}${text(Math.abs(more))}`
}

export const ShadowComparison = ({ shadow }: { readonly shadow: ShadowView }) => {
  const { otherwise, since, requests, agreed, agreedShare, costNanoUsd, ttftMs, pairs } = shadow
  return (
    <>
      <p>
        Does otherwise: <code>{JSON.stringify(otherwise)}</code>. {plural(requests, 'request')} since {dateTime(since)}.
      </p>
      <dl class="tiles">
        <Tile
          figure="shadowAgreed"
          name="Same provider first"
          value={agreedShare === null ? '–' : percent(agreedShare)}
          note={`${count(agreed)} of ${plural(requests, 'request')}`}
        />
        <Tile
          figure="shadowCost"
          name="Expected cost"
          value={difference(costNanoUsd, usd)}
          note={costNanoUsd === null ? undefined : `${usd(costNanoUsd.shadow)} instead of ${usd(costNanoUsd.live)}`}
        />
        <Tile
          figure="shadowTtft"
          name="Expected first token, mean"
          value={difference(ttftMs, milliseconds)}
          note={ttftMs === null ? undefined : `${milliseconds(ttftMs.shadow)} instead of ${milliseconds(ttftMs.live)}`}
        />
      </dl>
      <Table
        caption="Whom each would ask first"
        rows={pairs}
        keyOf={(pair) => JSON.stringify([pair.live, pair.shadow])}
        empty="No request yet."
        columns={[
          { name: 'Live', cell: (pair) => pair.live },
          { name: 'Shadow', cell: (pair) => (pair.shadow === pair.live ? 'the same' : pair.shadow) },
          { name: 'Requests', isNumber: true, cell: (pair) => count(pair.requests) },
          { name: 'Share', isNumber: true, cell: (pair) => percent(pair.requests / requests) },
          { name: 'Expected cost', isNumber: true, cell: (pair) => difference(pair.costNanoUsd, usd) },
          { name: 'Expected first token', isNumber: true, cell: (pair) => difference(pair.ttftMs, milliseconds) },
        ]}
      />
      <Foretold foretold={shadow.foretold} />
      <p class="note">
        Expected of each request by itself, as it came: what would have followed from another choice (fuller limits,
        other caches) is not in it.
      </p>
    </>
  )
}

const Foretold = ({ foretold: { costNanoUsd, ttftMs } }: Pick<ShadowView, 'foretold'>) =>
  costNanoUsd === null && ttftMs === null ? null : (
    <p class="note" data-figure="shadowForetold">
      How far expectations hold, where both agreed:
      {costNanoUsd === null ? '' : ` ${usd(costNanoUsd.expected)} were expected, it was ${usd(costNanoUsd.actual)}.`}
      {ttftMs === null
        ? ''
        : ` The first token was expected after ${milliseconds(ttftMs.expected)}, it came after ${milliseconds(ttftMs.actual)}.`}
    </p>
  )
