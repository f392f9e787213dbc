/** How long requests are kept in full, and where they go then. */
import { join, resolve } from 'node:path'
import { absolutePath, type Checks } from '#infra/config/checks.ts'
import type { Config } from '#infra/config/config.ts'
import { ms } from '#infra/config/resolve-provider.ts'
import type { ConfigFile } from '#infra/config/schema.ts'

const DAY_MS = 86_400_000

export const resolveRetention = (
  { retention }: ConfigFile,
  database: Config['database'],
  checks: Checks,
): Config['retention'] => {
  const detailMs = ms(retention?.detail, 0)
  // It is looked at once a day; and what routing has learned of the last hours is made anew from the log after an upgrade.
  if (detailMs > 0 && detailMs < DAY_MS) {
    checks.report('invalidValue', ['retention', 'detail'], 'expected at least 1 d, or 0 to keep requests for ever')
  }
  const path = ['retention', 'archive']
  const archive =
    retention?.archive === undefined
      ? join(database.folder ?? '.', 'archive')
      : resolve(absolutePath(retention.archive, path, checks))
  return { detailMs, archive }
}
