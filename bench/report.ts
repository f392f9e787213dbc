/** The figures as a table, and what they must not exceed. */
import type { BooksCost } from './books.ts'
import type { Boot, BootTimes } from './boot.ts'
import type { Comparison, FirstByte } from './compare.ts'
import type { DashboardsCost, LoopDelays } from './dashboards.ts'
import type { DecisionCost } from './decision.ts'
import type { Disk } from './disk.ts'
import type { LargeCost } from './large.ts'
import type { OverloadCost } from './overload.ts'
import type { ReplayCost } from './replay.ts'
import { costText, type Line, largeLines, range, round, translationLines } from './report-translation.ts'
import type { ProxyCost } from './rounds.ts'
import type { Looks, StateAt } from './state-at.ts'
import type { Late, StreamsCost } from './streams.ts'
import type { TranslationCost } from './translation.ts'

export interface Report {
  readonly at: string
  readonly node: string
  readonly processor: string
  readonly json?: Comparison
  /** The writes of the stream arrive one by one … */
  readonly stream?: Comparison
  /** … or nearly at once. Not limited: no model writes like that. */
  readonly burst?: Comparison
  readonly chatJson?: TranslationCost
  readonly chatStream?: TranslationCost
  readonly large?: readonly LargeCost[]
  readonly streams?: StreamsCost
  readonly overload?: OverloadCost
  readonly dashboards?: DashboardsCost
  readonly decision?: DecisionCost
  readonly disk?: Disk
  readonly stateAt?: StateAt
  readonly replay?: ReplayCost
  readonly boot?: Boot
  readonly books?: BooksCost
}

export interface Verdict {
  readonly what: string
  readonly value: number
  readonly limit: number
  readonly met: boolean
}

/** Every figure that has a limit and was measured. Nothing was measured, nothing is missed. */
export const verdicts = (report: Report): readonly Verdict[] => {
  const {
    json,
    stream,
    chatStream,
    large = [],
    streams,
    overload,
    dashboards,
    decision,
    disk,
    stateAt,
    replay,
    boot,
    books,
  } = report
  const pairs: readonly (readonly [what: string, value: number | undefined, limit: number])[] = [
    ['JSON: CPU over bare', json?.cpuRatio?.median, LIMITS.jsonRatio],
    [
      'JSON: added first byte p50, over direct, ms',
      json && addedFirstByte(json, json.firstByte.direct)?.p50Ms,
      LIMITS.firstByteMs,
    ],
    [
      'JSON: first byte p50 over bare, ms',
      json && addedFirstByte(json, json.firstByte.bare)?.p50Ms,
      LIMITS.firstByteMs,
    ],
    ['stream: CPU over bare', stream?.cpuRatio?.median, LIMITS.streamRatio],
    [
      'stream: added first byte p50, over direct, ms',
      stream && addedFirstByte(stream, stream.firstByte.direct)?.p50Ms,
      LIMITS.firstByteMs,
    ],
    [
      'stream: first byte p50 over bare, ms',
      stream && addedFirstByte(stream, stream.firstByte.bare)?.p50Ms,
      LIMITS.firstByteMs,
    ],
    ['stream: CPU, translated over pass-through', chatStream?.cpuRatio.median, LIMITS.translatedRatio],
    ...large.map(({ way, addedLongestMs }) => {
      return [`large, ${way}: added to the latest chunk, ms`, addedLongestMs, LIMITS.addedMs] as const
    }),
    ['streams: added inter-chunk delay p99, ms', streams?.addedP99Ms, LIMITS.streamsMs],
    ['streams: memory of one, bytes', streams?.firstBytesPerStream, LIMITS.streamBytes],
    ['streams: corrupted', streams?.corrupted, 0],
    ['overload: not refused as it should be', overload?.otherwise, 0],
    ['overload: corrupted', overload?.corrupted, 0],
    ['overload: memory, MB', overload && overload.refusedBytes / 1e6, promisedMegabytes(overload?.taken ?? 0)],
    ['dashboards: added event loop delay p99, ms', dashboards?.addedP99Ms, LIMITS.dashboardsMs],
    ['decision, short history, µs', decision?.shortUs.median, LIMITS.decisionUs],
    ['decision, long history, µs', decision?.longUs.median, LIMITS.decisionUs],
    ['events per request', disk?.eventsPerRequest, LIMITS.events],
    ['bytes of disk per request', disk?.bytesPerRequest, LIMITS.diskBytes],
    ...(books?.answers ?? []).map(({ question, ms }) => [`books, ${question}, ms`, ms.median, LIMITS.booksMs] as const),
    ['books: longest turn of the event loop, CPU ms', books?.longestTurnCpuMs, LIMITS.turnMs],
    ['state at a past moment, ms', stateAt?.withSnapshots.firstMs.max, LIMITS.stateAtMs],
    ['replay: µs an event', replay?.usPerEvent.median, LIMITS.replayUs],
    ['replay: most memory, MB', replay && replay.peakBytes / 1e6, LIMITS.replayMegabytes],
    ['boot from a snapshot, ms', boot?.snapshot?.wallMs.median, LIMITS.bootMs],
    ['boot from a snapshot and a tail, ms', boot?.tail?.wallMs.median, LIMITS.bootMs],
  ]
  return pairs.flatMap(([what, value, limit]) =>
    value === undefined ? [] : [{ what, value, limit, met: value <= limit }],
  )
}

export const printReport = (report: Report): void => {
  console.log(`${report.at}  Node ${report.node}  ${report.processor}\n`)
  const lines: (readonly [what: string, figures: string])[] = []
  for (const name of ['json', 'stream', 'burst'] as const) {
    const comparison = report[name]
    if (comparison !== undefined) lines.push(...comparisonLines(name, comparison))
  }
  for (const cost of [report.chatJson, report.chatStream]) {
    if (cost !== undefined) lines.push(...translationLines(cost))
  }
  for (const cost of report.large ?? []) lines.push(...largeLines(cost))
  if (report.streams !== undefined) lines.push(...streamsLines(report.streams))
  if (report.overload !== undefined) lines.push(...overloadLines(report.overload))
  if (report.dashboards !== undefined) lines.push(...dashboardsLines(report.dashboards))
  if (report.decision !== undefined) lines.push(...decisionLines(report.decision))
  if (report.disk !== undefined) lines.push(...diskLines(report.disk))
  if (report.stateAt !== undefined) lines.push(...stateAtLines(report.stateAt))
  if (report.replay !== undefined) lines.push(...replayLines(report.replay))
  if (report.boot !== undefined) lines.push(...bootLines(report.boot))
  if (report.books !== undefined) lines.push(...booksLines(report.books))
  const width = Math.max(...lines.map(([what]) => what.length))
  for (const [what, figures] of lines) console.log(`${what.padEnd(width)}  ${figures}`)
  const judged = verdicts(report)
  if (judged.length > 0) console.log('')
  for (const { what, value, limit, met } of judged) {
    console.log(`${met ? 'met   ' : 'MISSED'}  ${what}: ${round(value)} (at most ${limit})`)
  }
}

const LIMITS = {
  jsonRatio: 3,
  streamRatio: 1.8,
  translatedRatio: 1.5,
  firstByteMs: 1,
  addedMs: 20,
  streamsMs: 5,
  streamBytes: 60_000,
  dashboardsMs: 5,
  decisionUs: 50,
  /** 100,000 events a second. */
  replayUs: 10,
  replayMegabytes: 1_000,
  events: 4,
  diskBytes: 2_500,
  stateAtMs: 300,
  bootMs: 2_000,
  booksMs: 100,
  turnMs: 10,
}

/** What Signalbox adds to another way's time, quantile by quantile. */
const addedFirstByte = ({ firstByte: { signalbox } }: Comparison, to: FirstByte): FirstByte | undefined =>
  signalbox && {
    p10Ms: signalbox.p10Ms - to.p10Ms,
    p50Ms: signalbox.p50Ms - to.p50Ms,
    p99Ms: signalbox.p99Ms - to.p99Ms,
    endP50Ms: signalbox.endP50Ms - to.endP50Ms,
  }

const comparisonLines = (kind: string, comparison: Comparison): readonly Line[] => {
  const { bare, signalbox, cpuRatio, firstByte } = comparison
  const cost = (name: string, proxy: ProxyCost): Line => [`${kind}: ${name}`, costText(proxy)]
  const first = (name: string, times: FirstByte): Line => [
    `${kind}: first byte, ${name}`,
    `p10 ${round(times.p10Ms)} ms, p50 ${round(times.p50Ms)} ms, p99 ${round(times.p99Ms)} ms; last byte p50 ${round(times.endP50Ms)} ms`,
  ]
  const overDirect = addedFirstByte(comparison, firstByte.direct)
  const overBare = addedFirstByte(comparison, firstByte.bare)
  return [
    cost('bare', bare),
    ...(signalbox === undefined ? [] : [cost('Signalbox', signalbox)]),
    ...(cpuRatio === undefined ? [] : [[`${kind}: CPU, Signalbox over bare`, range(cpuRatio)] as const]),
    first('direct', firstByte.direct),
    first('bare', firstByte.bare),
    ...(firstByte.signalbox === undefined ? [] : [first('Signalbox', firstByte.signalbox)]),
    ...(overDirect === undefined ? [] : [first('Signalbox over direct', overDirect)]),
    ...(overBare === undefined ? [] : [first('Signalbox over bare', overBare)]),
  ]
}

const dashboardsLines = (cost: DashboardsCost): readonly Line[] => {
  const { perMinute, pages, answersPerSecond, bytesPerSecond, alone, watched } = cost
  const delays = (name: string, { p50, p99, longest, cpuPerSecond }: LoopDelays): Line => [
    `dashboards: ${name}`,
    `event loop delay p50 ${range(p50)} ms, p99 ${range(p99)} ms; longest turn ${range(longest)} ms; main thread ${range(cpuPerSecond)} ms of CPU a second`,
  ]
  return [
    delays(`${perMinute} requests a minute`, alone),
    delays(`with ${pages} pages`, watched),
    [
      'dashboards: all pages together',
      `${round(answersPerSecond)} answers and ${Math.round(bytesPerSecond / 1_000)} kB a second`,
    ],
  ]
}

const decisionLines = ({ shortUs, longUs, requests }: DecisionCost): readonly Line[] => [
  ['decision: after one request of each conversation', `${range(shortUs)} µs`],
  [`decision: after ${requests} requests`, `${range(longUs)} µs`],
]

const diskLines = (disk: Disk): readonly Line[] => [
  ['disk: events per request', round(disk.eventsPerRequest)],
  [
    'disk: bytes per request',
    `${Math.round(disk.bytesPerRequest)}, of these ${Math.round(disk.eventBytesPerRequest)} events and their indexes (${disk.requests} requests)`,
  ],
]

const stateAtLines = (stateAt: StateAt): readonly Line[] => {
  const { events, logBytes, snapshots, snapshotBytes, withSnapshots, without } = stateAt
  const looks = (name: string, { firstMs, againMs, longestTurnMs, longestTurnCpuMs }: Looks): readonly Line[] => [
    [`state-at: ${name}`, `${range(firstMs)} ms, again ${range(againMs)} ms`],
    [`state-at: ${name}, longest turn`, `${round(longestTurnMs)} ms; CPU ${round(longestTurnCpuMs)} ms`],
  ]
  const megabytes = (bytes: number): string => `${round(bytes / 1e6)} MB`
  return [
    [
      'state-at: log',
      `${events} events, ${megabytes(logBytes)}; of it ${snapshots} snapshots, ${megabytes(snapshotBytes)}`,
    ],
    ...looks('with snapshots', withSnapshots),
    ...looks('without, in the middle of the log', without),
  ]
}

const streamsLines = (cost: StreamsCost): readonly Line[] => {
  const { streams, chunks, direct, signalbox, corrupted, bytesPerStream, firstBytesPerStream, cpuUsPerChunk } = cost
  const late = ({ p50Ms, p99Ms, longestMs }: Late): string =>
    `p50 ${round(p50Ms)} ms, p99 ${round(p99Ms)} ms, longest ${round(longestMs)} ms late`
  return [
    [`streams: ${streams} direct`, late(direct)],
    [`streams: ${streams} through Signalbox`, `${late(signalbox)}; ${corrupted} corrupted of ${chunks} chunks`],
    [
      'streams: what one takes',
      `${Math.round(firstBytesPerStream)} bytes the first time, ${Math.round(bytesPerStream)} afterwards; CPU ${round(cpuUsPerChunk)} µs a chunk, requests included`,
    ],
  ]
}

/** What docs/operations.md#overload says that a process needs which takes on so many requests, their bodies left out. */
const promisedMegabytes = (taken: number): number => 400 + (taken * 100_000) / 1e6

const overloadLines = (cost: OverloadCost): readonly Line[] => {
  const { taken, refused, otherwise, refusalMs, corrupted, emptyBytes, fullBytes, refusedBytes } = cost
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`
  return [
    [
      `overload: ${taken} streams are in`,
      `${corrupted} corrupted; ${megabytes(emptyBytes)} before, ${megabytes(fullBytes)} with them`,
    ],
    [
      `overload: ${refused + otherwise} more`,
      `${refused} refused: p50 ${round(refusalMs.p50)} ms, p99 ${round(refusalMs.p99)} ms, longest ${round(refusalMs.longest)} ms; ${otherwise} otherwise; ${megabytes(refusedBytes)} then`,
    ],
  ]
}

const replayLines = ({ events, usPerEvent, cpuUsPerEvent, peakBytes }: ReplayCost): readonly Line[] => [
  [
    `replay of ${events.toLocaleString('en')} events`,
    `${round(usPerEvent.median)} µs an event (${Math.round(1e6 / usPerEvent.median).toLocaleString('en')} a second), CPU of all threads ${round(cpuUsPerEvent.median)} µs, at most ${Math.round(peakBytes / 1e6)} MB`,
  ],
]

const bootLines = (boot: Boot): readonly Line[] => {
  const times = (name: string, taken: BootTimes | undefined): readonly Line[] =>
    taken === undefined ? [] : [[`boot: ${name}`, `${range(taken.wallMs)} ms; CPU ${range(taken.cpuMs)} ms`]]
  return [
    ['boot: log', `${boot.events} events, ${Math.round(boot.logBytes / 1e6)} MB`],
    ...times('empty log', boot.empty),
    ...times('from a snapshot', boot.snapshot),
    ...times(`from a snapshot and a tail of ${boot.tailEvents} events`, boot.tail),
    ...times('first start on this log', boot.first),
  ]
}

const booksLines = (books: BooksCost): readonly Line[] => [
  ...books.answers.map(({ question, ms }): Line => [`books: ${question}`, `${range(ms)} ms`]),
  [
    'books: longest turn of the event loop meanwhile',
    `${round(books.longestTurnMs)} ms; CPU ${round(books.longestTurnCpuMs)} ms`,
  ],
  ['books: made from the log', `${Math.round(books.makingMs / 1_000)} s (${books.requests} requests)`],
]
