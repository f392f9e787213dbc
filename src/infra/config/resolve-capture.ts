/** Which prompts and answers are kept, where, and for how long. */
import { join, resolve } from 'node:path'
import type { CaptureRule } from '#domain/capture-choice.ts'
import { providerId } from '#domain/ids.ts'
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import type { Config } from '#infra/config/config.ts'
import { nearest } from '#infra/config/nearest.ts'
import { sizeBytes } from '#infra/config/quantities.ts'
import { resolveToken } from '#infra/config/resolve-credential.ts'
import { checkPattern, ms } from '#infra/config/resolve-provider.ts'
import type { ConfigFile } from '#infra/config/schema.ts'

const WEEK_MS = 604_800_000
/** An empty file has some ten pages. */
const LEAST_BYTES = 1_000_000

export const resolveCapture = (file: ConfigFile, database: Config['database'], checks: Checks): Config['capture'] => {
  const { enabled = false, sampleShare = 1, key, redact = [], folder } = file.capture ?? {}
  const maxBytes = sizeBytes(file.capture?.maxBytes ?? '1 GB')
  if (maxBytes < LEAST_BYTES) checks.report('invalidValue', ['capture', 'maxBytes'], 'expected at least 1 MB')
  const retentionMs = ms(file.capture?.retention, WEEK_MS)
  if (retentionMs === 0) {
    checks.report(
      'invalidValue',
      ['capture', 'retention'],
      'nothing would be kept; to capture nothing set enabled to false',
    )
  }
  if (enabled && folder === undefined && database.folder === undefined) {
    checks.report('missingKey', ['capture', 'folder'], 'is missing: the event log is in memory, so it has no folder')
  }
  for (const source of redact) checkExpression(source, checks)
  const where =
    folder === undefined ? (database.folder ?? '.') : resolve(absolutePath(folder, ['capture', 'folder'], checks))
  return {
    enabled,
    sampleShare,
    only: rulesOf(file, checks),
    retentionMs,
    maxBytes,
    ...(key === undefined ? {} : { key: resolveToken(key, 'bearer', ['capture', 'key'], checks) }),
    redact,
    file: join(where, 'captures.db'),
  }
}

const rulesOf = (file: ConfigFile, checks: Checks): readonly CaptureRule[] =>
  Object.entries(file.capture?.only ?? {}).map(([name, { provider, ...rule }]) => {
    const path = ['capture', 'only', name]
    if (rule.model !== undefined) checkPattern(rule.model, [...path, 'model'], checks)
    const ids = Object.keys(file.providers ?? {})
    if (provider !== undefined && file.providers !== undefined && !ids.includes(provider)) {
      const suggestions = nearest(provider, ids)
      checks.report('invalidValue', [...path, 'provider'], `there is no provider ${provider}`, suggestions)
    }
    return { ...rule, ...(provider === undefined ? {} : { provider: providerId(provider) }) }
  })

const checkExpression = (source: string, checks: Checks): void => {
  try {
    new RegExp(source, 'gu')
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : String(error)
    checks.report('invalidValue', ['capture', 'redact'], `expected regular expressions: ${why}`)
  }
}
