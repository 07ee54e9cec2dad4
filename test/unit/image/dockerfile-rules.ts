interface Instruction {
  name: string
  value: string
}

/** The violations of this repository's rules for images in a Dockerfile. */
export function problemsOf(dockerfile: string): string[] {
  const instructions = instructionsOf(dockerfile)
  const stages = stagesOf(instructions)
  const last = stages.at(-1) ?? []
  return [
    ...instructions.filter(({ name }) => name === 'ADD').map(({ value }) => `ADD ${value}: use COPY`),
    ...instructions.filter(isShellForm).map(({ name, value }) => `${name} ${value}: needs a shell`),
    ...stages.flatMap(([from]) => baseProblems(from?.value ?? '', bases(instructions))),
    ...(last.some(({ name }) => name === 'RUN') ? ['the last stage runs a program of its base'] : []),
    ...(/^[1-9]\d*:[1-9]\d*$/.test(valueOf(last, 'USER') ?? '') ? [] : ['USER is not a number, or is root']),
    ...(valueOf(last, 'ENTRYPOINT') === undefined ? ['there is no ENTRYPOINT'] : []),
  ]
}

/** The base images of the stages, by the names of their arguments. */
export function basesOf(dockerfile: string): Map<string, string> {
  return bases(instructionsOf(dockerfile))
}

function instructionsOf(dockerfile: string): Instruction[] {
  const text = dockerfile.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '')
  return [...text.matchAll(/^([A-Z]+) +(.*)$/gm)].map(([, name = '', value = '']) => ({ name, value }))
}

function stagesOf(instructions: Instruction[]): Instruction[][] {
  const starts = instructions.flatMap(({ name }, index) => (name === 'FROM' ? [index] : []))
  return starts.map((start, number) => instructions.slice(start, starts[number + 1]))
}

function bases(instructions: Instruction[]): Map<string, string> {
  const before = instructions.slice(
    0,
    instructions.findIndex(({ name }) => name === 'FROM'),
  )
  return new Map(before.map(({ value }) => [value.split('=')[0] ?? '', value.split('=')[1] ?? '']))
}

function baseProblems(from: string, known: Map<string, string>): string[] {
  const [base = ''] = from.split(' ')
  if (base === 'scratch') return []
  const image = known.get(/^\$\{(\w+)\}$/.exec(base)?.[1] ?? '')
  if (image === undefined) return [`FROM ${from}: the base must be an argument`]
  return /^[\w.-]+\.[a-z]+\/[\w./-]+:(?!latest$)[\w.-]+$/.test(image)
    ? []
    : [`FROM ${from}: '${image}' must be a full name with a tag`]
}

function isShellForm({ name, value }: Instruction): boolean {
  return ['RUN', 'CMD', 'ENTRYPOINT'].includes(name) && !value.startsWith('[')
}

function valueOf(stage: Instruction[], wanted: string): string | undefined {
  return stage.findLast(({ name }) => name === wanted)?.value
}
