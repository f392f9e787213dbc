/**
 * What translating costs: two Signalboxes of the same code, one that passes Anthropic's answers through and one whose
 * provider speaks OpenAI chat completions and tells the same story, loaded in turn with the same requests.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claudeCodeCall, type Kind, load, translatedCall } from './load.ts'
import { type Server, startScript } from './process.ts'
import { alternate, type Party, type ProxyCost, type RoundOptions, ratios } from './rounds.ts'
import { startSignalbox, type Way } from './signalbox.ts'
import { type Summary, summary } from './statistics.ts'

export interface TranslationOptions extends RoundOptions {
  readonly main: string
  readonly warmUp: number
  /** Between the writes of a stream, in ms. */
  readonly pauseMs: number
}

export interface TranslationCost {
  readonly kind: Kind
  readonly passed: ProxyCost
  readonly translated: ProxyCost
  /** Translated over passed, of each round. */
  readonly cpuRatio: Summary
}

/** `name` stands in front of the notes. */
export const measureTranslation = async (
  name: string,
  kind: Kind,
  options: TranslationOptions,
): Promise<TranslationCost> => {
  const note = (text: string): void => options.note(`${name}: ${text}`)
  const temporary = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const servers: Server[] = []
  try {
    const upstream = await startScript('upstream.ts', { UPSTREAM_PAUSE_MS: String(options.pauseMs) })
    servers.push(upstream)
    const start = async (way: Way, call: Party['call']): Promise<Party> => {
      const folder = mkdtempSync(join(temporary, `${way}-`))
      const server = await startSignalbox({ main: options.main, folder, upstream: upstream.url, way })
      servers.push(server)
      await load(server.url, call, { requests: options.warmUp, concurrency: WARM_UP_CONCURRENCY })
      return { server, call }
    }
    note('warming up')
    const passing = await start('passed', claudeCodeCall(kind))
    const translating = await start('translated', translatedCall(kind))
    const { passed, translated } = await alternate({ passed: passing, translated: translating }, { ...options, note })
    return {
      kind,
      passed: passed.cost,
      translated: translated.cost,
      cpuRatio: summary(ratios(translated, passed)),
    }
  } finally {
    for (const server of servers.toReversed()) await server.stop()
    rmSync(temporary, { recursive: true, force: true })
  }
}

const WARM_UP_CONCURRENCY = 32
