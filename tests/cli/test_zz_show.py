import sys; sys.path.insert(0,'/work/main')
import pytest
from tests.cli.test_looking import *  # noqa
from tests.cli.conftest import *
def test_show(sluice, story, executions, printed, capsys):
    outs=[]
    for a in (["status"],["objects"],["why",story.committed.uri],["why",story.quarantined.uri],["why","shop/orders/brokn.csv"],["executions"],["execution","mixed"],["execution","refused"],["logs"],["status","--help"],["logs","--help"],["tables"],["query","select * from shop.orders"],["query","select * from shop.orders","--json"],["query","select sum(price), max(at) m, count(*) from shop.orders a join shop.orders b using (id) join shop.orders c on c.id=a.id"],["query","describe shop.orders"]):
        r=sluice(*a); outs.append((a,r.stdout,r.exception))
    with capsys.disabled():
        for a,o,e in outs: print("\n$ sluice",*a); print(o); print(repr(e) if e else "", getattr(e,'hint',''))
