/** The options of a script. `--help` prints its text and ends; an option that it does not know is named, exit code 2. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

export const readOptions = <const O extends NonNullable<ParseArgsConfig['options']>>(help: string, options: O) => {
  if (process.argv.includes('--help') || process.argv.includes('-h')) {
    console.log(help)
    process.exit(0)
  }
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return wrongUse((error as Error).message, help)
  }
}

export const wrongUse = (message: string, help: string): never => {
  console.error(`${message}\n\n${help}`)
  process.exit(2)
}
