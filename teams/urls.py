"""Addresses of the team."""

from django.urls import path

from teams.views import anywhere, invitations, joining, members, roles

app_name = "teams"
_TEAM = "<auth_id:account>/account/settings/team/"
_MEMBER = f"{_TEAM}members/<uuid:member>/"
_WAITING = f"{_TEAM}invitations/<uuid:invitation>/"

urlpatterns = [
    path(_TEAM, members.member_list, name="member_list"),
    path(f"{_TEAM}csv/", members.roster_csv, name="roster_csv"),
    path(f"{_TEAM}review/", members.review_finish, name="review_finish"),
    path(f"{_TEAM}invite/", invitations.member_invite, name="member_invite"),
    path(f"{_TEAM}invite/several/", invitations.member_invite_many, name="member_invite_many"),
    path(f"{_TEAM}invitations/", invitations.invitation_list, name="invitation_list"),
    path(f"{_WAITING}resend/", invitations.invitation_resend, name="invitation_resend"),
    path(f"{_WAITING}revoke/", invitations.invitation_revoke, name="invitation_revoke"),
    path(f"{_TEAM}roles/", roles.role_list, name="role_list"),
    path(f"{_TEAM}roles/csv/", roles.role_csv, name="role_csv"),
    path(f"{_TEAM}roles/<slug:role>/view/", roles.role_view, name="role_view"),
    path("seen-as/<auth_id:auth_id>/leave/", roles.role_leave, name="role_leave"),
    path(_MEMBER, members.member, name="member"),
    path(f"{_MEMBER}role/", members.member_role, name="member_role"),
    path(f"{_MEMBER}raise/", members.member_raise, name="member_raise"),
    path(f"{_MEMBER}lower/", members.member_lower, name="member_lower"),
    path(f"{_MEMBER}end/", members.member_end, name="member_end"),
    path(f"{_MEMBER}sessions/", members.member_sessions, name="member_sessions"),
    path(f"{_MEMBER}remove/", members.member_remove, name="member_remove"),
    path("invitations/open/<str:token>/", joining.invitation_open, name="invitation_open"),
    path("invitation/", joining.invitation, name="invitation"),
    path("invitation/sign-in/", joining.invitation_sign_in, name="invitation_sign_in"),
    path("invitation/sign-up/", joining.invitation_sign_up, name="invitation_sign_up"),
    path("invitation/switch/", joining.invitation_switch, name="invitation_switch"),
    path("invitation/ask/", joining.invitation_ask, name="invitation_ask"),
    path("invitations/<uuid:invitation>/", joining.invitation_join, name="invitation_join"),
    path("-/<path:rest>", anywhere.anywhere, name="anywhere"),
]
