/**
 * A URL may hold a password. In a file that other users can read it is nobody's secret.
 */
import { statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Checks } from '#infra/config/checks.ts'
import { variableName } from '#infra/config/environment.ts'

export const warnOfPassword = (value: string, path: readonly string[], checks: Checks): void => {
  const at = checks.origin(path)
  if ((URL.parse(value)?.password ?? '') === '' || at._tag !== 'File' || process.platform === 'win32') return
  const { mode = 0 } = statSync(join(at.folder, basename(at.file)), { throwIfNoEntry: false }) ?? {}
  if ((mode & 0o044) === 0) return
  const text = `holds a password, and other users can read the file; \`chmod 600\` it, or use the variable ${variableName(path)}`
  checks.warn('literalSecret', path, text)
}
