/**
 * Log lines and traces of the file, with their defaults.
 */
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import type { Config, TracesConfig } from '#infra/config/config.ts'
import { sizeBytes } from '#infra/config/quantities.ts'
import { checkHeader, checkUrl, sourceOf } from '#infra/config/resolve-alerts.ts'
import { ms } from '#infra/config/resolve-provider.ts'
import type { ConfigFile } from '#infra/config/schema.ts'

/** A smaller file would be rotated with nearly every line. */
const LEAST_BYTES = 1_000

export const resolveLog = ({ log }: ConfigFile, checks: Checks): Config['log'] => ({
  level: log?.level ?? 'info',
  ...(log?.format === undefined ? {} : { format: log.format }),
  ...(log?.file === undefined ? {} : { file: resolveFile(log.file, checks) }),
})

const resolveFile = (
  file: NonNullable<NonNullable<ConfigFile['log']>['file']>,
  checks: Checks,
): NonNullable<Config['log']['file']> => {
  const maxBytes = sizeBytes(file.maxBytes ?? '50 MB')
  if (maxBytes < LEAST_BYTES) checks.report('invalidValue', ['log', 'file', 'maxBytes'], 'expected at least 1 kB')
  return {
    path: absolutePath(file.path, ['log', 'file', 'path'], checks),
    maxBytes,
    maxAgeMs: ms(file.maxAge, 86_400_000),
    keep: file.keep ?? 14,
    compress: file.compress ?? true,
  }
}

export const resolveTraces = ({ telemetry }: ConfigFile, checks: Checks): TracesConfig => {
  const { endpoint, headers = {}, sampleShare = 1, propagate = false } = telemetry?.traces ?? {}
  const path = ['telemetry', 'traces']
  if (endpoint !== undefined) checkUrl(endpoint, [...path, 'endpoint'], checks, 'send it in telemetry.traces.headers')
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    headers: Object.entries(headers).map(([name, value]) => {
      const at = [...path, 'headers', name]
      checkHeader(name, value, at, checks)
      return [name.toLowerCase(), sourceOf(value, at, checks)] as const
    }),
    sampleShare,
    propagate,
  }
}
