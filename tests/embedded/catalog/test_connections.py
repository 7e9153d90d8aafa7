"""Connections of the catalog's web server, as the operating system has them."""

import socket

from workers.catalog.web.app import listening


def test_answers_do_not_wait_for_the_acknowledgement_of_their_first_part() -> None:
    with listening("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        taken, _ = listener.accept()
        with taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
