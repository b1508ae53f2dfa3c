import './fixtures/fake-host.js';

import t, { type Test } from 'tap';
import { commands, findCommand, globalOptions, type Option } from '../../src/commands.js';
import { commandHelp, completionScript, completions, programHelp } from '../../src/help.js';
import { wrap } from '../../src/yargs.js';

const squeeze = (text: string): string => text.replace(/\s+/g, ' ');

function mentions(t: Test, text: string, option: Option): void {
  const flat = squeeze(text);
  if (option.hidden) t.notMatch(flat, `--${option.name} `, `${option.name} is hidden`);
  else {
    t.ok(flat.includes(`--${option.name} `), `--${option.name}`);
    t.ok(flat.includes(option.help), `text of --${option.name}`);
    if (option.alias !== undefined)
      t.ok(flat.includes(`-${option.alias}, --${option.name} `), `-${option.alias}`);
  }
}

t.test('the program', async t => {
  const text = programHelp();
  for (const [name, command] of Object.entries(commands)) {
    t.ok(squeeze(text).includes(`runts ${name} `), name);
    t.ok(squeeze(text).includes(command().summary), `summary of ${name}`);
  }
  for (const option of globalOptions()) mentions(t, text, option);
});

for (const name of Object.keys(commands)) {
  t.test(name, async t => {
    const command = findCommand(name)!;
    const text = commandHelp(name, command);
    t.match(text, new RegExp(`^runts ${name} \\[options\\]( |\n)`));
    t.equal(text.includes('Options stand before CONTAINER'), command.optionsFirst === true);
    t.ok(squeeze(text).includes(command.summary));
    for (const option of command.options) mentions(t, text, option);
    for (const positional of command.positionals) {
      t.ok(squeeze(text).includes(`${positional.name} ${positional.help}`), positional.name);
    }
    t.notMatch(text, '--log-format', 'global options are not options of a command');
  });
}

t.test('the table', async t => {
  for (const [name, command] of Object.entries(commands)) {
    const names = command().options.flatMap(option => [option.name, option.alias ?? []].flat());
    t.equal(new Set(names).size, names.length, `no option of ${name} is there twice`);
  }
  t.equal(findCommand('__proto__'), undefined);
  t.equal(findCommand('toString'), undefined);
});

t.test('completion', async t => {
  t.match(completionScript(), /complete .* runts/);
  t.match(completions(['runts', 'de']), /^delete$/m);
  t.match(completions(['runts', 'kill', '--']), /^--all$/m);
});

t.test('wrap', async t => {
  t.equal(wrap('a bb ccc', 4), 'a bb\nccc');
  t.equal(wrap('longer words stay', 3), 'longer\nwords\nstay');
  t.equal(wrap('a\nb', 9), 'a\nb');
});
