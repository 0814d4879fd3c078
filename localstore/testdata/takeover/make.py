#!/usr/bin/env python3
"""Makes the databases beside this file, as anonymoususage 1.14 leaves them.

Each folder is what a program left: usage.db, and where it uploads usage.part.db,
with their journals. upload.json in it has what the program declares at its next
start (kind, name, and a State's initial value) and the data that it then uploads.
It was compared with what the library itself does with these files.
"""
import json
import os
import shutil
import sqlite3

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT = '"UUID" INTEGER, "Count" REAL, "Time" TEXT'
STATE = '"UUID" INTEGER, "Count" REAL, "State" TEXT, "Time" TEXT'
LIST = '"TableName" TEXT, "Type" TEXT, "Description" TEXT'
SUBMISSIONS = 'The number of statistic submissions to the server.'


class Library:
    """The library's way of writing: a commit for each change, at fixed times."""

    def __init__(self, name, user='user-1'):
        self.folder = os.path.join(HERE, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.user, self.clock, self.counts = user, 0, {}
        self.master = self.connect('usage.db')
        self.part = self.connect('usage.part.db')
        self.track('__submissions__', 'Statistic', SUBMISSIONS)

    def connect(self, file):
        path = os.path.join(self.folder, file)
        open(path, 'a').close()
        db = sqlite3.connect(path)
        db.execute('PRAGMA page_size = 512')
        return db

    def has(self, db, table):
        return db.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]

    def track(self, name, kind, description='', table=True):
        if not self.has(self.master, '__tableinfo__') and not self.has(self.part, '__tableinfo__'):
            self.part.execute("CREATE TABLE '__tableinfo__'(%s)" % LIST)
        # In the master this begins a transaction that the next upload or close ends.
        db = self.master if self.has(self.master, '__tableinfo__') else self.part
        if not db.execute("SELECT 1 FROM __tableinfo__ WHERE TableName = ?", (name,)).fetchone():
            db.execute("INSERT INTO __tableinfo__ VALUES (?, ?, ?)", (name, kind, description))
        self.part.commit()
        if table and not self.has(self.part, name):
            self.part.execute("CREATE TABLE '%s'(%s)" % (name, STATE if kind == 'State' else COUNT))
            self.part.commit()

    def time(self):
        self.clock += 1
        return '03/02/2026 10:%02d:%02d' % (self.clock // 60, self.clock % 60)

    def row(self, name, *values):
        self.part.execute("INSERT INTO '%s' VALUES (?%s)" % (name, ', ?' * (len(values) + 1)), (self.user,) + values + (self.time(),))

    def add(self, name, n):
        self.counts[name] = self.counts.get(name, 0) + n
        self.row(name, self.counts[name])
        self.part.commit()

    def set(self, name, state):
        self.counts[name] = self.counts.get(name, 0) + 1
        self.row(name, self.counts[name], state)
        self.part.commit()

    def upload(self):
        """Merges the part into the master, as after HTTP 200."""
        self.add('__submissions__', 1)
        tables = [r[0] for r in self.part.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = self.part.execute("SELECT * FROM '%s'" % table).fetchall()
            if not rows:
                continue
            if not self.has(self.master, table):
                columns = LIST if table == '__tableinfo__' else STATE if len(rows[0]) == 4 else COUNT
                self.master.execute("CREATE TABLE '%s'(%s)" % (table, columns))
            self.master.executemany("INSERT INTO '%s' VALUES (?%s)" % (table, ', ?' * (len(rows[0]) - 1)), rows)
        self.master.commit()
        for table in tables:
            self.part.execute("DELETE FROM '%s'" % table)
            self.part.commit()

    def close(self):
        for db in (self.part, self.master):
            db.commit()
            db.close()

    def kill(self, db=None):
        """Leaves the files as SIGKILL does: in the middle of a transaction whose
        pages are in the file already, if one of the two is given."""
        if db:
            db.execute('PRAGMA cache_size = 1')
            table = "'monsters'"
            for i in range(300):
                db.execute("INSERT INTO %s VALUES ('nobody', %d, '03/02/2026 11:00:00')" % (table, 1000 + i))
        os._exit(0)

    def expect(self, declared, user='user-1', **data):
        with open(os.path.join(self.folder, 'upload.json'), 'w') as f:
            json.dump({'user': user, 'declared': declared, 'data': data}, f, indent=1)
            f.write('\n')


GAME = [['statistic', 'monsters'], ['state', 'server', 'none'], ['timer', 'play_time'], ['sequence', 'round_trip']]


def game(name, **kw):
    l = Library(name, **kw)
    l.track('monsters', 'Statistic', 'Monsters killed')
    l.track('server', 'State')
    l.track('play_time', 'Timer')
    l.track('round_trip', 'Sequence')
    return l


def play(l):
    l.add('monsters', 3)
    l.set('server', 'Avalon')
    l.add('play_time', 12.5)
    l.add('play_time', 7.25)
    l.add('round_trip', 1)


def hot_part():
    """Killed while it wrote to the part."""
    l = game('hot-part')
    play(l)
    l.upload()
    l.add('monsters', 2)
    l.expect(GAME, monsters=5, server='Avalon', play_time=19.75, round_trip=1, __submissions__=2)
    l.kill(l.part)


def hot_master():
    """Killed while it wrote to the master."""
    l = game('hot-master')
    play(l)
    l.upload()
    l.add('monsters', 2)
    l.expect(GAME, monsters=5, server='Avalon', play_time=19.75, round_trip=1, __submissions__=2)
    l.kill(l.master)


def first_run():
    """Killed before its first upload: the master is empty."""
    l = game('first-run')
    play(l)
    l.expect(GAME, monsters=3, server='Avalon', play_time=19.75, round_trip=1, __submissions__=1)
    l.kill()


def unlisted():
    """Killed after it declared something for the first time since an upload: the
    list of that is not committed, and the master has a journal."""
    l = Library('unlisted')
    l.track('monsters', 'Statistic', 'Monsters killed')
    l.add('monsters', 3)
    l.upload()
    for name, kind in (('server', 'State'), ('play_time', 'Timer'), ('round_trip', 'Sequence'),
                       ('pauses', 'Timer'), ('dropped', 'Statistic')):
        l.track(name, kind)
    play(l)
    l.expect(GAME + [['timer', 'pauses']], monsters=6, server='Avalon', play_time=19.75, round_trip=1, pauses=0, __submissions__=2)
    l.kill()


def identifiers():
    """A fresh identifier at each start."""
    l = game('identifiers', user='first')
    play(l)
    l.upload()
    for l.user in 'second', 'third':
        l.add('play_time', 1)
    l.expect(GAME, user='third', monsters=3, server='Avalon', play_time=21.75, round_trip=1, __submissions__=2)
    l.close()


def number(folder, user):
    """An identifier that SQLite takes for a number."""
    l = Library(folder, user=user)
    l.track('monsters', 'Statistic')
    l.add('monsters', 3)
    l.expect([['statistic', 'monsters']], user=user, monsters=3, __submissions__=1)
    l.close()


def names():
    """Names that the library takes, and one that it refuses after listing it."""
    l = Library('names')
    l.track('Unit System', 'State', table=False)
    l.track('Unit_System', 'State')
    l.set('Unit_System', 'US Standard')
    for i, name in enumerate(['1st', 'n_1st', '_private', 'Stra\u00dfe', 'rate(%)', 'a:b', 'tabs.changes', 'otelusage.x']):
        l.track(name, 'Statistic')
        l.add(name, i + 1)
    l.expect([['state', 'Unit_System', 'Metric']], Unit_System='US Standard', n_1st=2, n_1st_2=1, n__private=3,
             Stra_e=4, rate___=5, a_b=6, tabs_changes=7, otelusage_x=8, __submissions__=1)
    l.close()


def main():
    for make in (hot_part, hot_master, first_run, unlisted, identifiers, names,
                 lambda: number('number-zeros', '0012345'), lambda: number('number-version', '1.10'),
                 lambda: number('number-long', '12345678901234567890')):
        if not os.fork():  # each in a process of its own, which ends without closing anything
            make()
            os._exit(0)
        if os.wait()[1]:
            raise SystemExit('failed')


main()
