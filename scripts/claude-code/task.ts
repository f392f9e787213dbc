/**
 * One task with everything that makes a history hard to hand over: thinking in every turn, parallel calls, a sub-agent, an
 * image in a tool result.
 */
import type { Story } from '#infra/simulator/story.ts'

/** Words of the model from which a script knows how far the task has come: they are in the history from then on. */
export const MILESTONES = {
  /** After the first parallel calls. */
  begun: 'I look at both at once.',
  /** After the sub-agent and the image, before the last turn. */
  nearlyDone: 'I change one line.',
} as const

/** Seven turns. Leaves story.txt with `gamma` in it, and a picture. */
export const task = ({ cwd }: { readonly cwd: string }): Story => {
  const [file, other] = [`${cwd}/story.txt`, `${cwd}/other.txt`]
  return {
    main: [
      [
        thought('Two files first.'),
        said('I write two files.'),
        call('Write', { file_path: file, content: 'alpha\nbeta\n' }),
        call('Write', { file_path: other, content: 'one\n' }),
      ],
      [
        thought('Both are there.'),
        said(MILESTONES.begun),
        call('Read', { file_path: file }),
        call('Read', { file_path: other }),
        bash('wc -l story.txt other.txt', 'Count lines'),
      ],
      [
        thought('Somebody else counts.'),
        said('I delegate.'),
        call('Agent', {
          description: 'count files',
          prompt: 'Count the files in this folder.',
          subagent_type: 'general-purpose',
          run_in_background: false,
        }),
      ],
      [
        thought('A picture is missing.'),
        said('I make a picture.'),
        bash(`printf %s ${RED_DOT_PNG} | base64 -d > dot.png`, 'Write a PNG'),
      ],
      [thought('Is it red?'), said('I look at it.'), call('Read', { file_path: `${cwd}/dot.png` })],
      [
        thought('It is.'),
        said(MILESTONES.nearlyDone),
        call('Edit', { file_path: file, old_string: 'beta', new_string: 'gamma' }),
        bash('cat dot.png | wc -c', 'Size of the picture'),
      ],
      [thought('All is done.'), said('The file says alpha, gamma, and the dot is red.')],
    ],
    subAgent: [
      [thought('A list will do.'), said('I count.'), bash('ls | wc -l', 'Count files')],
      [thought('Two.'), said('There are two files.')],
    ],
  }
}

/** Model calls of the main loop and the sub-agent. */
export const TASK_CALLS = 9

const thought = (thinking: string) => ({ type: 'thinking', thinking: `Simulated: ${thinking}` }) as const
const said = (text: string) => ({ type: 'text', text: `Simulated by '{provider}': ${text}` }) as const
const call = (name: string, input: object) => ({ type: 'tool_use', name, input }) as const
const bash = (command: string, description: string) => call('Bash', { command, description })

/** One pixel, red. */
export const RED_DOT_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
