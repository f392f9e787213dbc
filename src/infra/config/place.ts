/**
 * Where a process stands, and where its configuration file is by that. It imports no more than it needs: `signalbox statusline`
 * has no time for the rest.
 */
import { existsSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import type { Environment } from '#infra/config/environment.ts'

/** What paths and folders are relative to. */
export interface Place {
  readonly cwd: string
  readonly home: string
  readonly environment: Environment
}

/** A folder of the XDG base directory specification; a relative value counts as not set, as the specification says. */
export const xdgFolder = (place: Place, variable: 'XDG_CONFIG_HOME' | 'XDG_DATA_HOME', standard: string): string => {
  const value = place.environment[variable]
  return join(value !== undefined && isAbsolute(value) ? value : join(place.home, standard), 'signalbox')
}

/** The file to read: the named one (which must exist), else the first that is there, else none. */
export const findConfigFile = (place: Place, named: string | undefined): string | undefined => {
  if (named !== undefined) return resolve(place.cwd, named)
  const usual = [
    join(place.cwd, 'signalbox.yaml'),
    join(xdgFolder(place, 'XDG_CONFIG_HOME', '.config'), 'signalbox.yaml'),
  ]
  return usual.find((file) => existsSync(file))
}
