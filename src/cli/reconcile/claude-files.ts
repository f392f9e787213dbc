/**
 * The files in which Claude Code writes its sessions down, and what they hold.
 */
import { createReadStream, existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Data, Effect } from 'effect'
import type { Progress } from '#cli/progress.ts'
import { addRecord, type ClaudeAnswers, readRecord } from '#domain/ledger-entries/claude-record.ts'

/** A folder or a file of Claude Code's cannot be read; the message says which. */
export class ClaudeFilesError extends Data.TaggedError('ClaudeFilesError')<{ readonly message: string }> {}

/**
 * The folders that hold sessions: those of a list with commas, which may name the folder above `projects` too; else those of
 * CLAUDE_CONFIG_DIR; else where Claude Code keeps them.
 */
export const claudeFolders = (
  named: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): readonly string[] => {
  const list = named ?? environment.CLAUDE_CONFIG_DIR ?? ''
  const wanted = list
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
  const above = wanted.length > 0 ? wanted : [join(home, '.claude'), join(home, '.config', 'claude')]
  return above.map((folder) => {
    const projects = join(resolve(folder), 'projects')
    return existsSync(projects) ? projects : resolve(folder)
  })
}

export interface ClaudeFiles {
  readonly answers: ClaudeAnswers
  readonly files: number
  /** Lines that are no JSON: the end of a file that is being written, as a rule. */
  readonly unreadable: number
}

/**
 * Reads all answers of a span of time, both ends included (epoch ms), whole files at a time. What is in memory is one small
 * record for each answer.
 */
export const readClaudeFiles = (
  folders: readonly string[],
  { from, to }: { readonly from: number; readonly to: number },
  bar: Progress,
): Effect.Effect<ClaudeFiles, ClaudeFilesError> =>
  Effect.gen(function* () {
    const files = (yield* Effect.forEach(folders, sessionFiles)).flat()
    const answers: ClaudeAnswers = new Map()
    let unreadable = 0
    for (const [index, file] of files.entries()) {
      // What was not touched since holds nothing younger.
      if ((yield* reading(file, () => stat(file))).mtimeMs >= from) {
        unreadable += yield* reading(file, () => readFile(file, from, to, answers))
      }
      bar.update((index + 1) / files.length)
    }
    return { answers, files: files.length, unreadable }
  })

const sessionFiles = (folder: string): Effect.Effect<readonly string[], ClaudeFilesError> =>
  existsSync(folder)
    ? Effect.map(
        reading(folder, () => readdir(folder, { recursive: true })),
        (names) => names.filter((name) => name.endsWith('.jsonl')).map((name) => join(folder, name)),
      )
    : Effect.succeed([])

/** Puts the answers of a file to the others; answers how many lines could not be read. */
const readFile = async (file: string, from: number, to: number, answers: ClaudeAnswers): Promise<number> => {
  let unreadable = 0
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    // Most of a file are prompts and tools' answers, which need no parsing.
    if (!line.includes('"assistant"')) continue
    const json = parsed(line)
    if (json === undefined) unreadable += 1
    const record = readRecord(json)
    if (record !== undefined && record.at >= from && record.at <= to) addRecord(answers, record, file)
  }
  return unreadable
}

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    // It is counted, and told with the result.
    return undefined
  }
}

const reading = <A>(path: string, read: () => Promise<A>): Effect.Effect<A, ClaudeFilesError> =>
  Effect.tryPromise({
    try: read,
    catch: (error) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      return new ClaudeFilesError({ message: `${path} cannot be read (${code}).` })
    },
  })
