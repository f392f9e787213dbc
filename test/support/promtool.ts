/**
 * Prometheus' own checker, where it is installed: `.ci/run` takes care of that, and sets PROMTOOL=required so that nothing
 * is left out there without being told.
 */
import { spawnSync } from 'node:child_process'

export const promtool = (args: readonly string[], options: { readonly input?: string; readonly cwd?: string } = {}) => {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { ...options, encoding: 'utf8' })
  return { status, output: `${stdout ?? ''}${stderr ?? ''}`, missing: error !== undefined }
}

export const hasPromtool = !promtool(['--version']).missing

/** The name of a group of tests that need it. */
export const byPromtool = (name: string): string =>
  hasPromtool ? name : `${name} (NOT RUN: promtool is not installed)`

export const isPromtoolRequired = process.env.PROMTOOL === 'required'
