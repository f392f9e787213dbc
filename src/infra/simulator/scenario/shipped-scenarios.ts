/** The scenarios that come with Signalbox: apart from what reads them, because the help text of every command names them. */
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'

/** Where they are. */
export const SHIPPED = new URL('../../../../scenarios/', import.meta.url)

/** Their names, in the order of the alphabet. */
export const shippedScenarios = (): readonly string[] =>
  readdirSync(SHIPPED)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .toSorted()
