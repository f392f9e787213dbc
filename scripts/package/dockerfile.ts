/**
 * A Dockerfile as data, as far as ours uses it: stages of steps. What else there is in the language is an error, so that no step
 * is passed over by those who check it or walk it.
 */
import { DockerfileParser } from 'dockerfile-ast'

export type Step =
  | { readonly _tag: 'Copy'; readonly from?: string; readonly sources: readonly string[]; readonly target: string }
  | { readonly _tag: 'Run'; readonly command: string }
  | { readonly _tag: 'Workdir'; readonly path: string }

export interface Stage {
  readonly image: string
  readonly name: string | undefined
  readonly steps: readonly Step[]
  readonly environment: Readonly<Record<string, string>>
  readonly user: string | undefined
  readonly healthcheck: string | undefined
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
}

/** @throws on an instruction that is none of the above */
export const stagesOf = (text: string): readonly Stage[] => {
  const stages: Stage[] = []
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const keyword = instruction.getKeyword()
    // Flags are not among them.
    const words = instruction.getArguments().map((argument) => argument.getValue())
    if (keyword === 'FROM') {
      const [image = '', as, name] = words
      const none = { steps: [], environment: {}, user: undefined, healthcheck: undefined, entrypoint: [], command: [] }
      stages.push({ image, name: as?.toUpperCase() === 'AS' ? name : undefined, ...none })
      continue
    }
    const stage = stages.pop()
    if (stage === undefined) throw new Error(`${keyword} before the first FROM`)
    stages.push({ ...stage, ...changeBy(keyword, words, instruction.getTextContent(), stage) })
  }
  return stages
}

const changeBy = (keyword: string, words: readonly string[], text: string, stage: Stage): Partial<Stage> => {
  const step = (added: Step): Partial<Stage> => ({ steps: [...stage.steps, added] })
  switch (keyword) {
    case 'COPY': {
      const [, from] = /--from=(\S+)/.exec(text) ?? []
      const copied = { _tag: 'Copy', sources: words.slice(0, -1), target: words.at(-1) ?? '' } as const
      return step(from === undefined ? copied : { ...copied, from })
    }
    case 'RUN':
      return step({ _tag: 'Run', command: words.join(' ') })
    case 'WORKDIR':
      return step({ _tag: 'Workdir', path: words[0] ?? '' })
    case 'ENV':
      return { environment: { ...stage.environment, ...Object.fromEntries(words.map(assignment)) } }
    case 'USER':
      return { user: words[0] }
    case 'HEALTHCHECK':
      return { healthcheck: text }
    case 'ENTRYPOINT':
      return { entrypoint: listIn(text) }
    case 'CMD':
      return { command: listIn(text) }
    case 'LABEL':
    case 'EXPOSE':
      return {}
    default:
      throw new Error(`${keyword} is not known here`)
  }
}

/** The exec form, which needs no shell. */
export const listIn = (text: string): readonly string[] =>
  JSON.parse(text.slice(text.indexOf('['), text.lastIndexOf(']') + 1)) as readonly string[]

const assignment = (word: string): readonly [string, string] => {
  const at = word.indexOf('=')
  return [word.slice(0, at), word.slice(at + 1)]
}

/** What of the context a build gets: the last line of .dockerignore that fits a path, or a folder above it, decides. */
export const inContext = (ignore: string): ((path: string) => boolean) => {
  const lines = ignore
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ isSent: line.startsWith('!'), fits: patternOf(line.replace('!', '')) }))
  return (path) => {
    const parts = path.split('/')
    const folders = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
    return lines.findLast(({ fits }) => folders.some((folder) => fits.test(folder)))?.isSent ?? true
  }
}

/** Unlike a shell's, its `*` means hidden files too. */
const patternOf = (line: string): RegExp =>
  new RegExp(
    `^${line.replaceAll(/[.+^$()|[\]{}\\]/g, '\\$&').replaceAll(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(.*/)?'))}$`,
  )
