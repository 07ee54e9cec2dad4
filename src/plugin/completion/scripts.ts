/** What `completion` makes scripts for; `kubectl` itself asks a program of its own name for plugins. */
export const shells = ['bash', 'zsh', 'fish', 'kubectl'] as const
export type Shell = (typeof shells)[number]

/** The hidden command that all scripts ask. */
export const COMPLETE = '__complete'

const program = 'kubectl-runnerhub'

const bash = `# Completes ${program} in bash.
_${program.replace('-', '_')}() {
  local line words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    [[ $line == "\${COMP_WORDS[COMP_CWORD]}"* && $line != :* ]] && COMPREPLY+=("$line")
  done < <("\${COMP_WORDS[0]}" ${COMPLETE} "\${words[@]}" 2>/dev/null)
}
complete -F _${program.replace('-', '_')} ${program}
`

const zsh = `#compdef ${program}
# Completes ${program} in zsh.
_${program}() {
  local -a found
  local line word meaning
  for line in "\${(@f)$(\${words[1]} ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line && $line != :* ]] || continue
    word=\${line%%$'\\t'*} meaning=\${line#$word}
    found+=("\${word//:/\\\\:}\${meaning/$'\\t'/:}")
  done
  _describe '${program}' found
}
if [[ \${funcstack[1]} == _${program} ]]; then
  # The file itself is the function the first time that zsh needs it.
  _${program}
else
  compdef _${program} ${program}
fi
`

const fish = `# Completes ${program} in fish.
function __${program.replace('-', '_')}
  set -l words (commandline -opc) (commandline -ct)
  ${program} ${COMPLETE} $words[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c ${program} -f -a '(__${program.replace('-', '_')})'
`

const kubectl = `#!/bin/sh
# kubectl runs this to complete \`kubectl runnerhub\`.
exec ${program} ${COMPLETE} "$@"
`

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish, kubectl }

/** The script of a shell. */
export function scriptOf(shell: Shell): string {
  return scripts[shell]
}
