import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings'

/** A word that may stand at the cursor, with what it means. */
export interface Candidate {
  word: string
  meaning: string
}

/** Names in the cluster that a word may be. */
export type Lookup = (what: 'job' | 'pool' | 'namespace', typed: readonly string[]) => Promise<Candidate[]>

/** What may stand in place of the last of the words, according to the grammar and to the cluster. */
export async function candidatesFor(
  program: CommandUnknownOpts,
  typed: readonly string[],
  lookup: Lookup,
): Promise<Candidate[]> {
  const last = typed.at(-1) ?? ''
  const { command, options, expecting, positionals } = stateAfter(program, typed.slice(0, -1))
  const equals = /^(--[a-z-]+)=(.*)$/.exec(last)
  const option = expecting ?? options.find(({ long }) => long === equals?.[1])
  const found =
    option === undefined
      ? await wordsFor({ command, options, positionals, last }, (what) => lookup(what, typed))
      : await valuesOf(option, (what) => lookup(what, typed))
  const prefix = expecting === undefined && equals !== null ? `${equals[1]}=` : ''
  return found.map((each) => ({ ...each, word: prefix + each.word })).filter(({ word }) => word.startsWith(last))
}

interface State {
  command: CommandUnknownOpts
  options: readonly Option[]
  /** The flag whose value comes next. */
  expecting: Option | undefined
  positionals: number
}

function stateAfter(program: CommandUnknownOpts, words: readonly string[]): State {
  let command = program
  let expecting: Option | undefined
  let positionals = 0
  for (const word of words) {
    const options = optionsOf(program, command)
    if (expecting !== undefined) expecting = undefined
    else if (word.startsWith('-'))
      expecting = options.find((each) => each.required && [each.short, each.long].includes(word))
    else {
      const named = command === program ? find(program, word) : undefined
      if (named === undefined) positionals += 1
      command = named ?? command
    }
  }
  return { command, options: optionsOf(program, command), expecting, positionals }
}

function find(program: CommandUnknownOpts, word: string): CommandUnknownOpts | undefined {
  return program.commands.find((each) => each.name() === word || each.aliases().includes(word))
}

function optionsOf(program: CommandUnknownOpts, command: CommandUnknownOpts): readonly Option[] {
  return command === program ? program.options : [...command.options, ...program.options]
}

type Place = Pick<State, 'command' | 'options' | 'positionals'> & { last: string }
type Names = (what: 'job' | 'pool' | 'namespace') => Promise<Candidate[]>

async function wordsFor({ command, options, positionals, last }: Place, names: Names): Promise<Candidate[]> {
  if (last.startsWith('-')) {
    return options.map(({ long, short, description }) => ({ word: long ?? short ?? '', meaning: description }))
  }
  if (command.parent === null) {
    return command.commands.map((each) => ({ word: each.name(), meaning: each.summary() }))
  }
  const known = command.registeredArguments
  const argument = known[positionals] ?? known.findLast(({ variadic }) => variadic)
  if (argument?.argChoices !== undefined) return argument.argChoices.map((word) => ({ word, meaning: '' }))
  return argument?.name() === 'job' ? await names('job') : []
}

async function valuesOf({ argChoices, long }: Option, names: Names): Promise<Candidate[]> {
  if (argChoices !== undefined) return argChoices.map((word) => ({ word, meaning: '' }))
  if (long === '--pool') return await names('pool')
  return long === '--namespace' ? await names('namespace') : []
}
